#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_MS = 50 };

static bool is_filled(const char *file) {
  struct stat facts;
  return file == NULL || *file == '\0' || (stat(file, &facts) == 0 && facts.st_size > 0);
}

/* For LD_PRELOAD: while the file that CLV_TEST_SLOW names exists, and as soon as the one that
 * CLV_TEST_SLOW_FROM may name is there and not empty, each fsync takes CLV_TEST_SLOW_MS longer. A job that
 * saves often then takes as long as a test wants on any machine, however loaded, and costs no processor. A
 * signal ends the pause and all later ones: what the job saves because of it is not slowed. */
int fsync(int fd) {
  static bool is_signalled;
  int (*const real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  const char *const file = getenv("CLV_TEST_SLOW"), *const length = getenv("CLV_TEST_SLOW_MS");
  const struct timespec look = {.tv_nsec = LOOK_MS * 1000000L};
  long                  left = file != NULL && length != NULL ? strtol(length, NULL, 10) : 0;
  if (!is_filled(getenv("CLV_TEST_SLOW_FROM"))) left = 0;
  for (; left > 0 && !is_signalled && access(file, F_OK) == 0; left -= LOOK_MS)
    is_signalled = nanosleep(&look, NULL) != 0 && errno == EINTR;
  return real(fd);
}
