#include "io/checkpoint.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/files.h"

#define CHECKPOINT_MOST (UINT64_C(1) << 40) /* a claim beyond this is damage */

enum { GENERATIONS = 2, HEX = 64 };

/* In the byte order of the machine: a checkpoint does not travel. Everything behind the digest is digested.
 */
typedef struct header {
  char     magic[8];
  char     digest[HEX];
  uint64_t version, generation, n_warmup, n_draw, num_warmup, done, n_config, n_state;
  char     data[72];
} header;

static const char     MAGIC[8] = {'c', 'l', 'v', 's', 't', 'a', 't', 'e'};
static const uint64_t VERSION  = 2;

static size_t digest_offset(void) { return offsetof(header, version); }

static int path_of(char *path, size_t size, const char *folder, uint64_t which) {
  return snprintf(path, size, "%s/state.%d", folder, (int)(which % GENERATIONS));
}

clv_status clv_checkpoint_write(const char *folder, const clv_checkpoint *self, uint64_t *generation) {
  header       h     = {.version    = VERSION,
                        .generation = *generation + 1,
                        .n_warmup   = self->n_warmup,
                        .n_draw     = self->n_draw,
                        .num_warmup = self->num_warmup,
                        .done       = self->done,
                        .n_config   = strlen(self->config) + 1,
                        .n_state    = self->n_state};
  const size_t n     = sizeof h + h.n_config + h.n_state;
  char        *bytes = NULL, path[4096];
  clv_digest   digest;
  clv_status   st = CLV_OK;
  memcpy(h.magic, MAGIC, sizeof MAGIC);
  memcpy(h.data, self->data, sizeof h.data);
  CLV_TRY(clv_alloc(n, 1, (void **)&bytes));
  memcpy(bytes, &h, sizeof h);
  memcpy(bytes + sizeof h, self->config, h.n_config);
  memcpy(bytes + sizeof h + h.n_config, self->state, self->n_state);
  CLV_TRY(clv_bytes_digest(bytes + digest_offset(), n - digest_offset(), &digest));
  memcpy(bytes + offsetof(header, digest), digest.hex, HEX);
  CLV_TRY(clv_directory_make(folder));
  path_of(path, sizeof path, folder, h.generation);
  CLV_TRY(clv_file_write(path, bytes, n));
  *generation = h.generation;
out:
  free(bytes);
  return st;
}

/* Whole and ours, or NULL. */
static char *file_load(const char *path, size_t *n) {
  FILE  *file  = fopen(path, "rb");
  char  *bytes = NULL;
  header h;
  if (file == NULL) return NULL;
  const bool ours = fread(&h, sizeof h, 1, file) == 1 && memcmp(h.magic, MAGIC, sizeof MAGIC) == 0 &&
                    h.version == VERSION && h.n_config > 0 && h.n_config < CHECKPOINT_MOST &&
                    h.n_state < CHECKPOINT_MOST;
  if (ours) {
    *n    = sizeof h + h.n_config + h.n_state;
    bytes = malloc(*n + 1);
  }
  if (bytes != NULL) {
    clv_digest   digest;
    const size_t rest = *n - sizeof h;
    memcpy(bytes, &h, sizeof h);
    const bool whole = fread(bytes + sizeof h, 1, rest, file) == rest && fgetc(file) == EOF &&
                       clv_bytes_digest(bytes + digest_offset(), *n - digest_offset(), &digest) == CLV_OK &&
                       memcmp(digest.hex, h.digest, HEX) == 0 && bytes[sizeof h + h.n_config - 1] == '\0' &&
                       memchr(h.data, '\0', sizeof h.data) != NULL;
    if (!whole) {
      free(bytes);
      bytes = NULL;
    }
  }
  fclose(file);
  return bytes;
}

static char *newest_load(const char *folder, size_t *n, char *fallback) {
  char    *best            = NULL;
  char     damaged[4096]   = "";
  uint64_t best_generation = 0;
  for (uint64_t k = 0; k < GENERATIONS; k++) {
    char   path[4096];
    size_t size = 0;
    header h;
    path_of(path, sizeof path, folder, k);
    char *bytes = file_load(path, &size);
    if (bytes == NULL) {
      if (access(path, F_OK) == 0) memcpy(damaged, path, sizeof path);
      continue;
    }
    memcpy(&h, bytes, sizeof h);
    if (h.generation > best_generation) {
      free(best);
      best = bytes, best_generation = h.generation, *n = size;
    } else {
      free(bytes);
    }
  }
  if (damaged[0] != '\0' && best != NULL)
    snprintf(fallback, 256,
             "the checkpoint '%.140s' is damaged or of another version: going on from the other one",
             damaged);
  else if (damaged[0] != '\0')
    snprintf(fallback, 256,
             "the checkpoint '%.140s' is damaged or of another version, and there is no other: starting over",
             damaged);
  return best;
}

static clv_status checkpoint_take(const char *bytes, clv_checkpoint **out, uint64_t *generation) {
  clv_checkpoint *self = NULL;
  header          h;
  clv_status      st = CLV_OK;
  memcpy(&h, bytes, sizeof h);
  CLV_TRY(clv_calloc(1, sizeof *self, (void **)&self));
  self->n_warmup = h.n_warmup, self->n_draw = h.n_draw, self->done = h.done != 0, self->n_state = h.n_state;
  self->num_warmup = h.num_warmup;
  memcpy(self->data, h.data, sizeof self->data);
  CLV_TRY(clv_alloc(h.n_config, 1, (void **)&self->config));
  CLV_TRY(clv_alloc(h.n_state + 1, 1, &self->state));
  memcpy(self->config, bytes + sizeof h, h.n_config);
  memcpy(self->state, bytes + sizeof h + h.n_config, h.n_state);
  *generation = h.generation;
  *out = self, self = NULL;
out:
  clv_checkpoint_free(&self);
  return st;
}

clv_status clv_checkpoint_read(const clv_comm *comm, const char *folder, clv_checkpoint **out,
                               uint64_t *generation, char *fallback) {
  const bool root = clv_comm_rank(comm) == 0;
  size_t     n    = 0;
  clv_status st   = CLV_OK;
  fallback[0]     = '\0';
  *generation     = 0;
  char *bytes     = root ? newest_load(folder, &n, fallback) : NULL;
  if (root && bytes == NULL) n = 0;
  clv_comm_broadcast(comm, &n, sizeof n, 0);
  clv_comm_broadcast(comm, fallback, 256, 0);
  if (n == 0) {
    *out = NULL;
    return CLV_OK;
  }
  if (!root) st = clv_alloc(n, 1, (void **)&bytes);
  CLV_TRY(clv_comm_agree(comm, st));
  clv_comm_broadcast(comm, bytes, n, 0);
  CLV_TRY(clv_comm_agree(comm, checkpoint_take(bytes, out, generation)));
out:
  free(bytes);
  return st;
}

void clv_checkpoint_free(clv_checkpoint **self) {
  if (self == NULL || *self == NULL) return;
  free((*self)->config);
  free((*self)->state);
  free(*self);
  *self = NULL;
}

void clv_checkpoint_remove(const char *folder) {
  for (uint64_t k = 0; k < GENERATIONS; k++) {
    char path[4096];
    path_of(path, sizeof path, folder, k);
    (void)unlink(path);
  }
}

bool clv_checkpoint_differs(const char *before, const char *now, char *key) {
  while (*before != '\0' || *now != '\0') {
    const size_t a = strcspn(before, "\n"), b = strcspn(now, "\n");
    if (a != b || strncmp(before, now, a) != 0) {
      const char *line = *now != '\0' ? now : before;
      snprintf(key, 64, "%.*s", (int)strcspn(line, ":\n"), line);
      return true;
    }
    before += a + (before[a] == '\n');
    now += b + (now[b] == '\n');
  }
  return false;
}
