// Templates: words, lines on a condition, the administrator's own.
#include "serve/template.h"

#include <sys/stat.h>

#include "base/file.h"
#include "test.h"

static char *fill(const char *text)
{
        TemplateWords words _cleanup_words_ = {0};
        char *filled = NULL;

        template_word(&words, "host", text_copy("lino.example.com"));
        template_word(&words, "certificate", text_copy(""));
        template_word(&words, "redirect", NULL);
        assert_int_equal(template_fill("test", text, &words, &filled, NULL), 0);
        return filled;
}

static void assert_filled(const char *text, const char *expected)
{
        _cleanup_free_ char *filled = fill(text);

        assert_string_equal(filled, expected);
}

static void words_between_at_signs_are_filled_in(void **state)
{
        (void)state;
        assert_filled("server_name @host@;\n", "server_name lino.example.com;\n");
        assert_filled("@host@@host@", "lino.example.comlino.example.com");
}

static void an_at_sign_that_is_no_words_stays(void **state)
{
        (void)state;
        assert_filled("error_page 503 @maintenance;\n", "error_page 503 @maintenance;\n");
        assert_filled("joe@example.com @ @1@ @", "joe@example.com @ @1@ @");
}

static void a_line_whose_word_is_empty_is_left_out(void **state)
{
        (void)state;
        assert_filled("a\n@?certificate@ssl @certificate@;\nb\n", "a\nb\n");
        assert_filled("@?redirect@a", "");
        assert_filled("@?host@name @host@\n", "name lino.example.com\n");
}

static void an_unknown_word_is_refused_with_its_line(void **state)
{
        (void)state;
        TemplateWords words _cleanup_words_ = {0};
        _cleanup_error_ Error error = ERROR_EMPTY;
        char *filled = NULL;

        assert_int_equal(template_fill("mine", "a\nb @hots@\n", &words, &filled, &error), -EINVAL);
        assert_string_equal(error.code, "template");
        assert_string_equal(error.where, "mine:2");
        assert_non_null(strstr(error.why, "@hots@"));
}

static void the_administrators_template_comes_before_ours(void **state)
{
        (void)state;
        char directory[] = "/tmp/understudy-template-XXXXXX";
        _cleanup_free_ char *sub = NULL, *path = NULL, *text = NULL;
        Policy policy = {.hosting.templates = directory};
        _cleanup_error_ Error error = ERROR_EMPTY;

        assert_non_null(mkdtemp(directory));
        sub = text_format("%s/vhost", directory);
        path = text_format("%s/nginx.conf", sub);
        assert_int_equal(template_read(&policy, "vhost/nginx.conf", &text, NULL), 0);
        assert_non_null(strstr(text, "server_name"));
        free(text);
        text = NULL;
        assert_int_equal(mkdir(sub, 0700), 0);
        assert_int_equal(file_write(path, "mine\n", 5, 0600), 0);
        assert_int_equal(template_read(&policy, "vhost/nginx.conf", &text, NULL), 0);
        assert_string_equal(text, "mine\n");
        assert_int_equal(template_read(&policy, "vhost/none.conf", &text, &error), -ENOENT);
        assert_string_equal(error.code, "template");
        unlink(path);
        rmdir(sub);
        rmdir(directory);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(words_between_at_signs_are_filled_in),
                cmocka_unit_test(an_at_sign_that_is_no_words_stays),
                cmocka_unit_test(a_line_whose_word_is_empty_is_left_out),
                cmocka_unit_test(an_unknown_word_is_refused_with_its_line),
                cmocka_unit_test(the_administrators_template_comes_before_ours),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
