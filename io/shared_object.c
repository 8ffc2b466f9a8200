#include "io/shared_object.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct clv_shared_object {
  void      *handle; /* owned */
  char      *path;   /* owned */
  clv_digest digest;
};

static clv_status file_look(const char *path) {
  struct stat about;
  if (stat(path, &about) != 0)
    return clv_fail(CLV_EUSAGE, "cannot open the plug-in '%s': %s", path, strerror(errno));
  if (!S_ISREG(about.st_mode))
    return clv_fail(CLV_EUSAGE, "the plug-in '%s' is no file; expected a shared object (.so)", path);
  return CLV_OK;
}

clv_status clv_shared_object_open(const char *path, clv_shared_object **out) {
  clv_shared_object *self = NULL;
  clv_status         st;
  CLV_TRY(file_look(path));
  CLV_TRY(clv_calloc(1, sizeof *self, (void **)&self));
  const int n =
      strchr(path, '/') == NULL ? asprintf(&self->path, "./%s", path) : asprintf(&self->path, "%s", path);
  if (n < 0) {
    self->path = NULL;
    CLV_TRY(clv_fail(CLV_ENOMEM, "no memory for a path"));
  }
  CLV_TRY(clv_file_digest(self->path, &self->digest));
  self->handle = dlopen(self->path, RTLD_NOW | RTLD_LOCAL);
  if (self->handle == NULL)
    CLV_TRY(
        clv_fail(CLV_EUSAGE,
                 "cannot load the plug-in '%s': %.400s; expected a shared object made with cc -shared -fPIC",
                 path, dlerror()));
  *out = self, self = NULL;
out:
  clv_shared_object_close(&self);
  return st;
}

void clv_shared_object_close(clv_shared_object **self) {
  if (self == NULL || *self == NULL) return;
  if ((*self)->handle != NULL) dlclose((*self)->handle);
  free((*self)->path);
  free(*self);
  *self = NULL;
}

clv_status clv_shared_object_find(const clv_shared_object *self, const char *symbol, clv_function *out) {
  void *const found = dlsym(self->handle, symbol);
  if (found == NULL)
    return clv_fail(CLV_EUSAGE, "the plug-in '%s' has no function %s; it must export one", self->path,
                    symbol);
  memcpy(out, &found, sizeof found); /* POSIX: a function pointer fits */
  return CLV_OK;
}

const clv_digest *clv_shared_object_digest(const clv_shared_object *self) { return &self->digest; }
