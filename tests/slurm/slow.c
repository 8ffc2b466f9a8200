#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* For LD_PRELOAD: while the file that CLV_TEST_SLOW names exists, each fsync takes CLV_TEST_SLOW_MS longer. A
 * fit that saves often then takes as long as a test wants on any machine, and costs no processor. A signal
 * ends the pause. */
int fsync(int fd) {
  int (*const real)(int) = (int (*)(int))dlsym(RTLD_NEXT, "fsync");
  const char *const file = getenv("CLV_TEST_SLOW"), *const length = getenv("CLV_TEST_SLOW_MS");
  if (file != NULL && length != NULL && access(file, F_OK) == 0) {
    const long            ms    = strtol(length, NULL, 10);
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
  }
  return real(fd);
}
