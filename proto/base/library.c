#include "base/library.h"

#include <dlfcn.h>

int library_load(const char *file, const LibraryFunction *functions, size_t count, Error *error)
{
        void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);

        for (size_t i = 0; library && i < count; i++) {
                void *address = dlsym(library, functions[i].name);

                if (!address)
                        library = NULL;
                else
                        memcpy(functions[i].pointer, &address, sizeof address);
        }
        if (library)
                return 0;
        error_set(error, -ELIBACC, "library", "cannot load a library");
        error_where(error, "%s", file);
        error_why(error, "%s", dlerror());
        error_next(error, "install what deploy/packages lists");
        return -ELIBACC;
}
