#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_MS = 50 };

/* For LD_PRELOAD: while the file that CLV_TEST_SLOW names exists, each fsync takes CLV_TEST_SLOW_MS longer. A
 * job that saves often then takes as long as a test wants on any machine, however loaded, and costs no
 * processor. A signal ends the pause and all later ones: what the job saves because of it is not slowed. */
int fsync(int fd) {
  static bool is_signalled;
  int (*const real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  const char *const file = getenv("CLV_TEST_SLOW"), *const length = getenv("CLV_TEST_SLOW_MS");
  const struct timespec look = {.tv_nsec = LOOK_MS * 1000000L};
  long                  left = file != NULL && length != NULL ? strtol(length, NULL, 10) : 0;
  for (; left > 0 && !is_signalled && access(file, F_OK) == 0; left -= LOOK_MS)
    is_signalled = nanosleep(&look, NULL) != 0 && errno == EINTR;
  return real(fd);
}
