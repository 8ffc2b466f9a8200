#include "jobs/child.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "comm/comm.h"

enum { ENVIRONMENT_MOST = 1 << 22, ARGUMENTS_MOST = 160, EXIT_NOT_CONVERGED = 4 };

/* What MPI and its launchers leave in the environment: a child that saw it would take itself for a rank. */
static const char *const LAUNCHER[] = {"OMPI_COMM_", "OMPI_MCA_orte_", "OMPI_MCA_ess", "OMPI_MCA_pmix",
                                       "PMIX_",      "PMI_",           "SLURM_",       "CLV_STATUS_FILE="};

static int is_launchers(const char *entry) {
  for (size_t i = 0; i < sizeof LAUNCHER / sizeof *LAUNCHER; i++)
    if (strncmp(entry, LAUNCHER[i], strlen(LAUNCHER[i])) == 0) return 1;
  return 0;
}

/* The environment this program was started with: MPI has written into the present one. Both are owned. */
static clv_status environment_read(char **text, char ***entry) {
  FILE      *file = fopen("/proc/self/environ", "rb");
  size_t     n = 0, used = 0;
  clv_status st = CLV_OK;
  if (file == NULL) return clv_fail(CLV_EFAULT, "cannot read /proc/self/environ: %s", strerror(errno));
  CLV_TRY(clv_calloc(ENVIRONMENT_MOST, 1, (void **)text));
  n = fread(*text, 1, ENVIRONMENT_MOST - 1, file);
  CLV_TRY(clv_calloc(n + 1, sizeof **entry, (void **)entry));
  for (char *at = *text; at < *text + n; at += strlen(at) + 1)
    if (!is_launchers(at)) (*entry)[used++] = at;
out:
  fclose(file);
  return st;
}

/* The last line that begins with "clv: ", of the file's end. */
static void sentence_find(const char *log, char *sentence, size_t size) {
  char  text[4096] = "";
  FILE *file       = fopen(log, "rb");
  snprintf(sentence, size, "it left no message");
  if (file == NULL) return;
  if (fseek(file, -(long)(sizeof text - 1), SEEK_END) != 0) rewind(file);
  text[fread(text, 1, sizeof text - 1, file)] = '\0';
  fclose(file);
  char *rest = NULL;
  for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest))
    if (strncmp(line, "clv: ", 5) == 0) snprintf(sentence, size, "%s", line + 5);
}

static clv_status child_spawn(const char *const *argv, const char *log, pid_t *pid) {
  posix_spawn_file_actions_t actions;
  char                      *full[ARGUMENTS_MOST + 2] = {(char *)"clv"}, *text = NULL, **environment = NULL;
  int                        n  = 0;
  clv_status                 st = CLV_OK;
  for (; argv[n] != NULL; n++) {
    CLV_CHECK(n < ARGUMENTS_MOST);
    full[n + 1] = (char *)argv[n]; /* posix_spawn does not write there; its type is of the eighties */
  }
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  CLV_TRY(environment_read(&text, &environment));
  const int error = posix_spawn(pid, "/proc/self/exe", &actions, NULL, full, environment);
  if (error != 0) CLV_TRY(clv_fail(CLV_EFAULT, "cannot start clv again to measure it: %s", strerror(error)));
out:
  posix_spawn_file_actions_destroy(&actions);
  free(environment);
  free(text);
  return st;
}

clv_status clv_child_run(const char *const *argv, const char *log, clv_rehearsed *out) {
  struct rusage usage;
  char          sentence[1024];
  int           status = 0;
  pid_t         pid    = 0;
  const double  begin  = clv_clock();
  clv_status    st     = child_spawn(argv, log, &pid);
  if (st < 0) return st;
  while (wait4(pid, &status, 0, &usage) < 0)
    if (errno != EINTR) return clv_fail(CLV_EFAULT, "lost a child process: %s", strerror(errno));
  out->wall  = clv_clock() - begin;
  out->bytes = 1024.0 * (double)usage.ru_maxrss;
  out->cpu   = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
             1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
  if (WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == EXIT_NOT_CONVERGED))
    return CLV_OK;
  sentence_find(log, sentence, sizeof sentence);
  return clv_fail(CLV_EFAULT, "a rehearsal of 'clv %s' on simulated customers failed: %s", argv[0], sentence);
}
