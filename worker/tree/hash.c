#include "tree/hash.h"

#include <openssl/evp.h>
#include <xxhash.h>

#include "base/text.h"

struct Hasher {
        XXH3_state_t *xxh3; // NULL: SHA-256
        EVP_MD *sha256;
        EVP_MD_CTX *context;
};

const char *hash_name(TreeHash kind)
{
        return kind == TREE_HASH_SHA256 ? "sha256" : "xxh3";
}

// Memory is all that can fail here, and that ends the program, as in base/text.h.
Hasher *hasher_new(TreeHash kind)
{
        Hasher *hasher = memory_new(sizeof(*hasher));

        if (kind == TREE_HASH_XXH3) {
                hasher->xxh3 = XXH3_createState();
                if (!hasher->xxh3)
                        abort();
                return hasher;
        }
        hasher->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
        hasher->context = EVP_MD_CTX_new();
        if (!hasher->sha256 || !hasher->context)
                abort();
        return hasher;
}

void hasher_free(Hasher *hasher)
{
        if (!hasher)
                return;
        XXH3_freeState(hasher->xxh3);
        EVP_MD_CTX_free(hasher->context);
        EVP_MD_free(hasher->sha256);
        free(hasher);
}

void hasher_begin(Hasher *hasher)
{
        if (hasher->xxh3)
                XXH3_128bits_reset(hasher->xxh3);
        else if (!EVP_DigestInit_ex2(hasher->context, hasher->sha256, NULL))
                abort();
}

void hasher_add(Hasher *hasher, const void *data, size_t size)
{
        if (hasher->xxh3)
                XXH3_128bits_update(hasher->xxh3, data, size);
        else if (!EVP_DigestUpdate(hasher->context, data, size))
                abort();
}

void hasher_add_zeros(Hasher *hasher, uint64_t count)
{
        static const char zeros[64 * 1024];

        while (count > 0) {
                size_t part = count < sizeof(zeros) ? (size_t)count : sizeof(zeros);

                hasher_add(hasher, zeros, part);
                count -= part;
        }
}

void hasher_end(Hasher *hasher, char text[static HASH_TEXT])
{
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned size = sizeof(XXH128_canonical_t);

        if (hasher->xxh3)
                XXH128_canonicalFromHash(
                        (XXH128_canonical_t *)digest, XXH3_128bits_digest(hasher->xxh3));
        else if (!EVP_DigestFinal_ex(hasher->context, digest, &size))
                abort();
        for (unsigned i = 0; i < size; i++) {
                *text++ = "0123456789abcdef"[digest[i] >> 4];
                *text++ = "0123456789abcdef"[digest[i] & 15];
        }
        *text = '\0';
}
