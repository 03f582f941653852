#include <openssl/x509v3.h>
#include <sys/stat.h>

#include "base/file.h"
#include "wire/certificate.h"
#include "wire/fixture.h"

static void a_host_certificate_names_its_host_and_fits_its_key(void **state)
{
        char uri[CERTIFICATE_URI_SIZE];
        Pki pki = pki_new();
        Host host = host_new(&pki, "web1.example", 1);
        _cleanup_(X509_freep) X509 *certificate = certificate_from_pem(host.certificate);

        (void)state;
        assert_int_equal(pki_check_pair(host.certificate, host.key), 0);
        assert_int_equal(pki_check_pair(host.certificate, pki.authority_key), -EINVAL);
        assert_int_equal(certificate_uri(certificate, uri), 0);
        assert_string_equal(uri, "understudy://host/web1.example");
        host_clear(&host);
        pki_clear(&pki);
}

static void roles_are_kept_apart(void **state)
{
        Pki pki = pki_new();
        Host host = host_new(&pki, "web1", 1);
        _cleanup_(X509_freep) X509 *authority = certificate_from_pem(pki.authority);
        _cleanup_(X509_freep) X509 *controller = certificate_from_pem(pki.controller);
        _cleanup_(X509_freep) X509 *client = certificate_from_pem(host.certificate);

        (void)state;
        assert_int_equal(X509_check_ca(authority), 1);
        assert_int_equal(X509_check_ca(controller) + X509_check_ca(client), 0);
        assert_int_equal(X509_check_purpose(controller, X509_PURPOSE_SSL_SERVER, 0), 1);
        assert_int_equal(X509_check_purpose(controller, X509_PURPOSE_SSL_CLIENT, 0), 0);
        assert_int_equal(X509_check_purpose(client, X509_PURPOSE_SSL_CLIENT, 0), 1);
        assert_int_equal(X509_check_purpose(client, X509_PURPOSE_SSL_SERVER, 0), 0);
        host_clear(&host);
        pki_clear(&pki);
}

static void serial_numbers_do_not_repeat(void **state)
{
        Pki pki = pki_new();
        Host a = host_new(&pki, "web1", 1), b = host_new(&pki, "web1", 1);
        _cleanup_(X509_freep) X509 *one = certificate_from_pem(a.certificate);
        _cleanup_(X509_freep) X509 *other = certificate_from_pem(b.certificate);

        (void)state;
        assert_int_not_equal(
                ASN1_INTEGER_cmp(X509_get0_serialNumber(one), X509_get0_serialNumber(other)), 0);
        host_clear(&a);
        host_clear(&b);
        pki_clear(&pki);
}

static int sign(const Pki *pki, const void *request, size_t size, const char *host, Error *error)
{
        char *certificate;
        int r = pki_sign_host(
                pki->authority, pki->authority_key, request, size, host, 1, &certificate, error);

        if (r == 0)
                free(certificate);
        return r;
}

static void a_request_that_was_changed_or_cut_is_refused(void **state)
{
        _cleanup_free_ uint8_t *request = NULL;
        _cleanup_free_ char *key = NULL;
        Pki pki = pki_new();
        size_t size;

        (void)state;
        assert_int_equal(pki_make_request(&key, &request, &size, NULL), 0);
        assert_int_equal(sign(&pki, request, size, "web1", NULL), 0);
        for (size_t i = 0; i < size; i++) {
                assert_int_not_equal(sign(&pki, request, i, "web1", NULL), 0);
                request[i] ^= 1;
                assert_int_not_equal(sign(&pki, request, size, "web1", NULL), 0);
                request[i] ^= 1;
        }
        pki_clear(&pki);
}

static void a_request_is_refused_for_a_key_of_another_kind(void **state)
{
        static const char *const kinds[] = {"RSA", "ED25519", "P-384"};
        Pki pki = pki_new();

        (void)state;
        for (size_t i = 0; i < ELEMENTS(kinds); i++) {
                _cleanup_(EVP_PKEY_freep) EVP_PKEY *key =
                        i == 0   ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048)
                        : i == 1 ? EVP_PKEY_Q_keygen(NULL, NULL, "ED25519")
                                 : EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
                _cleanup_(X509_REQ_freep) X509_REQ *request = X509_REQ_new();
                _cleanup_error_ Error error = ERROR_EMPTY;
                unsigned char *der = NULL;
                int size;

                X509_REQ_set_pubkey(request, key);
                assert_true(X509_REQ_sign(request, key, i == 1 ? NULL : EVP_sha256()));
                size = i2d_X509_REQ(request, &der);
                assert_int_equal(sign(&pki, der, (size_t)size, "web1", &error), -EINVAL);
                assert_string_equal(error.code, "bad-request");
                OPENSSL_free(der);
        }
        pki_clear(&pki);
}

static void a_name_that_is_no_host_is_not_signed(void **state)
{
        static const char *const names[] = {"", "a,URI:understudy://controller", "a b", "../x"};
        _cleanup_free_ uint8_t *request = NULL;
        _cleanup_free_ char *key = NULL;
        Pki pki = pki_new();
        size_t size;

        (void)state;
        assert_int_equal(pki_make_request(&key, &request, &size, NULL), 0);
        for (size_t i = 0; i < ELEMENTS(names); i++)
                assert_int_equal(sign(&pki, request, size, names[i], NULL), -EINVAL);
        pki_clear(&pki);
}

static bool is_revoked(const char *revoked, const Host *host)
{
        _cleanup_(X509_CRL_freep) X509_CRL *list = revocations_from_pem(revoked);
        _cleanup_(X509_freep) X509 *certificate = certificate_from_pem(host->certificate);
        X509_REVOKED *entry;

        return X509_CRL_get0_by_cert(list, &entry, certificate) == 1;
}

static char *extend(const Pki *pki, const char *revoked, const Host *host)
{
        char *longer;

        assert_int_equal(pki_revoke(pki->authority, pki->authority_key, revoked,
                                 host ? host->certificate : NULL, &longer, NULL),
                0);
        return longer;
}

static void a_revocation_list_grows_and_forgets_nothing(void **state)
{
        Pki pki = pki_new();
        Host a = host_new(&pki, "a", 1), b = host_new(&pki, "b", 1), c = host_new(&pki, "c", 1);
        _cleanup_free_ char *none = extend(&pki, NULL, NULL), *one = extend(&pki, none, &a),
                            *two = extend(&pki, one, &b), *again = extend(&pki, two, &a);

        (void)state;
        assert_false(is_revoked(none, &a));
        assert_true(is_revoked(one, &a) && !is_revoked(one, &b));
        assert_true(is_revoked(again, &a) && is_revoked(again, &b) && !is_revoked(again, &c));
        host_clear(&a);
        host_clear(&b);
        host_clear(&c);
        pki_clear(&pki);
}

static void der_and_pem_are_the_same_certificate(void **state)
{
        char before[PKI_DIGEST_SIZE], after[PKI_DIGEST_SIZE];
        _cleanup_free_ uint8_t *der = NULL;
        _cleanup_free_ char *pem = NULL;
        Pki pki = pki_new();
        size_t size;

        (void)state;
        assert_int_equal(pki_digest(pki.authority, before), 0);
        assert_int_equal(pki_to_der(pki.authority, &der, &size), 0);
        assert_int_equal(pki_to_pem(der, size, &pem), 0);
        assert_int_equal(pki_digest(pem, after), 0);
        assert_string_equal(before, after);
        assert_int_equal(pki_to_pem(der, size - 1, &pem), -EINVAL);
        assert_int_equal(pki_digest(pki.authority_key, after), -EINVAL);
        pki_clear(&pki);
}

static void a_key_file_is_for_its_owner_only(void **state)
{
        char directory[] = "/tmp/understudy-pki.XXXXXX";
        _cleanup_free_ char *path = NULL;
        struct stat status;

        (void)state;
        assert_non_null(mkdtemp(directory));
        path = text_format("%s/key.pem", directory);
        assert_int_equal(pki_write_key(path, "key", NULL), 0);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
        unlink(path);
        rmdir(directory);
        assert_int_equal(pki_write_key(path, "key", NULL), -ENOENT);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_host_certificate_names_its_host_and_fits_its_key),
                cmocka_unit_test(roles_are_kept_apart),
                cmocka_unit_test(serial_numbers_do_not_repeat),
                cmocka_unit_test(a_request_that_was_changed_or_cut_is_refused),
                cmocka_unit_test(a_request_is_refused_for_a_key_of_another_kind),
                cmocka_unit_test(a_name_that_is_no_host_is_not_signed),
                cmocka_unit_test(a_revocation_list_grows_and_forgets_nothing),
                cmocka_unit_test(der_and_pem_are_the_same_certificate),
                cmocka_unit_test(a_key_file_is_for_its_owner_only),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
