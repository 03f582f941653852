# What a person changes in restore2preview.py for the upgrade from Lino Noi 25.12 to 26.9:
#   sed -i -f upgrade.sed restore2preview.py

# Fields that nothing replaces.
/kw\.update(attach_to_email=/d
/kw\.update(email_template=/d
/kw\.update(newsletter_list_id=/d

# Models that are gone: their rows stay in the dump and are not loaded.
/^    execfile("lists_listtype/s/^    /    # /
/^    execfile("lists_member/s/^    /    # /
/^    execfile("tinymce_textfieldtemplate/s/^    /    # /
/^    execfile("users_authority/s/^    /    # /

# A list has one title, not a designation per language.
/^def create_lists_list(/,/return/{
 s/^    if designation is not None.*/    kw.update(title=(designation or [""])[0])/
 /list_type_id=/d
 s/kw\.update(remarks=remarks)/kw.update(body=remarks)/
}

# A ticket's summary and description have become its title and body.
/^def create_tickets_ticket(/,/return/{
 s/kw\.update(summary=summary)/kw.update(title=summary)/
 s/kw\.update(description=description)/kw.update(body=description)/
}

# Rows that Lino writes by itself while it loads the others.
/^    execfile("notify_message/s/^    /    # /
/^    execfile("memo_mention/s/^    /    # /
