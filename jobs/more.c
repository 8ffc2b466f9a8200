#include "jobs/more.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "io/checkpoint.h"
#include "io/files.h"

enum { PATH_MOST = 4096 };
static const unsigned long long DRAWS_MOST = 10000000; /* as sampler.num_samples */

static void path_of(char *path, const char *folder) { snprintf(path, PATH_MOST, "%s/more", folder); }

clv_status clv_more_read(const char *option, const char *text, size_t *n) {
  char                    *end;
  const unsigned long long value = text == NULL ? 0 : strtoull(text, &end, 10);
  if (text == NULL || *text < '0' || *text > '9' || *end != '\0' || value < 1 || value > DRAWS_MOST)
    return clv_fail(CLV_EUSAGE, "%s wants a whole number of draws a chain from 1 to %llu", option,
                    DRAWS_MOST);
  *n = (size_t)value;
  return CLV_OK;
}

/* 0 where nothing is written down. */
static uint64_t written_read(const char *folder) {
  char               path[PATH_MOST];
  unsigned long long value = 0;
  path_of(path, folder);
  FILE *file = fopen(path, "r");
  if (file == NULL) return 0;
  if (fscanf(file, "%llu", &value) != 1 || value > 2 * DRAWS_MOST) value = 0;
  fclose(file);
  return value;
}

static clv_status written_write(const char *folder, uint64_t until) {
  char      path[PATH_MOST], text[32];
  const int n = snprintf(text, sizeof text, "%llu\n", (unsigned long long)until);
  path_of(path, folder);
  return clv_file_write(path, text, (size_t)n);
}

static clv_status finished_check(const char *folder, const clv_checkpoint *found) {
  if (found == NULL)
    return clv_fail(CLV_EUSAGE, "--more: '%s' holds no finished fit to go on from; run clv fit first",
                    folder);
  if (!found->done)
    return clv_fail(CLV_EUSAGE,
                    "--more: the fit in '%s' has not finished; run the command without --more first", folder);
  return CLV_OK;
}

clv_status clv_more_begin(const clv_comm *comm, const char *folder, size_t n, size_t *until) {
  clv_checkpoint *found  = NULL;
  uint64_t        target = clv_comm_rank(comm) == 0 ? written_read(folder) : 0, generation;
  char            fallback[256];
  clv_status      st = CLV_OK;
  clv_comm_broadcast(comm, &target, sizeof target, 0);
  if (target == 0) {
    CLV_TRY(clv_checkpoint_read(comm, folder, &found, &generation, fallback));
    CLV_TRY(finished_check(folder, found));
    target = found->n_draw + n;
    if (clv_comm_rank(comm) == 0) st = written_write(folder, target);
    CLV_TRY(clv_comm_agree(comm, st));
  }
  *until = (size_t)target;
out:
  clv_checkpoint_free(&found);
  return st;
}

void clv_more_end(const char *folder) {
  char path[PATH_MOST];
  path_of(path, folder);
  (void)unlink(path);
}
