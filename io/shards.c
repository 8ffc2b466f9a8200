#include "io/shards.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "comm/shuffle.h"
#include "io/files.h"

enum { GENERATIONS = 2, FILES_MOST = 1 << 20 };

/* In the byte order of the machine, like the checkpoint. */
typedef struct header {
  char     magic[8];
  uint64_t version, generation, n_file, first_block, n_block, n_block_all, block_bytes;
} header;

static const char     MAGIC[8] = {'c', 'l', 'v', 's', 'h', 'a', 'r', 'd'};
static const uint64_t VERSION  = 1;

static void path_of(char *path, size_t size, const char *folder, uint64_t generation, uint64_t file) {
  snprintf(path, size, "%s/latents.%d.%llu", folder, (int)(generation % GENERATIONS),
           (unsigned long long)file);
}

/* The header, then every block behind its hash. */
static clv_status file_write(const clv_shards *self, uint64_t n_file, const char *part, clv_shard_pack pack,
                             const void *context) {
  header     h     = {.version     = VERSION,
                      .generation  = self->generation,
                      .n_file      = n_file,
                      .first_block = self->first_block,
                      .n_block     = self->n_block,
                      .n_block_all = self->n_block_all,
                      .block_bytes = self->block_bytes};
  char      *block = NULL;
  clv_status st    = CLV_OK;
  FILE      *file  = fopen(part, "wb");
  if (file == NULL) return clv_file_write_failed(part, errno);
  memcpy(h.magic, MAGIC, sizeof MAGIC);
  CLV_TRY(clv_alloc(self->block_bytes + 1, 1, (void **)&block));
  int good = fwrite(&h, sizeof h, 1, file) == 1;
  for (size_t b = 0; b < self->n_block && good; b++) {
    pack(context, b, block);
    const uint64_t hash = clv_hash(block, self->block_bytes);
    good = fwrite(&hash, sizeof hash, 1, file) == 1 && fwrite(block, self->block_bytes, 1, file) == 1;
  }
  if (!good || fflush(file) != 0) st = clv_file_write_failed(part, errno);
out:
  if (fclose(file) != 0 && st == CLV_OK) st = clv_file_write_failed(part, errno);
  free(block);
  return st;
}

clv_status clv_shards_write(const clv_comm *comm, const clv_shards *self, clv_shard_pack pack,
                            const void *context) {
  char       path[4096], part[4160];
  clv_status st = CLV_OK;
  path_of(path, sizeof path, self->folder, self->generation, (uint64_t)clv_comm_rank(comm));
  snprintf(part, sizeof part, "%s.part", path);
  if (clv_comm_rank(comm) == 0) st = clv_directory_make(self->folder);
  CLV_TRY(clv_comm_agree(comm, st));
  st = file_write(self, (uint64_t)clv_comm_size(comm), part, pack, context);
  if (st == CLV_OK) st = clv_file_commit(part, path);
  CLV_TRY(clv_comm_agree(comm, st));
out:
  return st;
}

static clv_status damaged(const char *path) {
  return clv_fail(CLV_EDATA, "the checkpoint's '%s' is missing or damaged; start over with --fresh", path);
}

/* Those of the file's blocks that are mine. */
static clv_status blocks_take(FILE *file, const char *path, const header *h, const clv_shards *self,
                              clv_shard_unpack unpack, void *context) {
  const uint64_t last  = self->first_block + self->n_block;
  char          *block = NULL;
  clv_status     st    = clv_alloc(self->block_bytes + 1, 1, (void **)&block);
  for (uint64_t b = h->first_block; b < h->first_block + h->n_block && st == CLV_OK; b++) {
    const uint64_t at = sizeof *h + (b - h->first_block) * (sizeof(uint64_t) + self->block_bytes);
    uint64_t       hash;
    if (b < self->first_block || b >= last) continue;
    if (fseeko(file, (off_t)at, SEEK_SET) != 0 || fread(&hash, sizeof hash, 1, file) != 1 ||
        fread(block, self->block_bytes, 1, file) != 1 || hash != clv_hash(block, self->block_bytes))
      st = damaged(path);
    else
      unpack(context, (size_t)(b - self->first_block), block);
  }
  free(block);
  return st;
}

/* @param[out] n_file  how many there are in all @param[in,out] seen  blocks of mine found so far */
static clv_status file_read(const clv_shards *self, uint64_t which, uint64_t *n_file, uint64_t *seen,
                            clv_shard_unpack unpack, void *context) {
  char           path[4096];
  header         h;
  clv_status     st   = CLV_OK;
  const uint64_t last = self->first_block + self->n_block;
  path_of(path, sizeof path, self->folder, self->generation, which);
  FILE *file = fopen(path, "rb");
  if (file == NULL) return damaged(path);
  if (fread(&h, sizeof h, 1, file) != 1 || memcmp(h.magic, MAGIC, sizeof MAGIC) != 0 ||
      h.version != VERSION || h.generation != self->generation || h.block_bytes != self->block_bytes ||
      h.n_block_all != self->n_block_all || h.n_file < 1 || h.n_file > FILES_MOST ||
      h.first_block > h.n_block_all || h.n_block > h.n_block_all - h.first_block) {
    st = damaged(path);
  } else {
    const uint64_t end  = h.first_block + h.n_block;
    const uint64_t from = h.first_block > self->first_block ? h.first_block : self->first_block;
    const uint64_t to   = end < last ? end : last;
    *n_file             = h.n_file;
    if (from < to) {
      *seen += to - from;
      st = blocks_take(file, path, &h, self, unpack, context);
    }
  }
  fclose(file);
  return st;
}

clv_status clv_shards_read(const clv_comm *comm, const clv_shards *self, clv_shard_unpack unpack,
                           void *context) {
  uint64_t   n_file = 1, seen = 0;
  clv_status st = CLV_OK;
  for (uint64_t k = 0; k < n_file && st == CLV_OK; k++)
    st = file_read(self, k, &n_file, &seen, unpack, context);
  if (st == CLV_OK && seen != self->n_block) st = damaged(self->folder);
  return clv_comm_agree(comm, st);
}

void clv_shards_remove(const char *folder) {
  for (uint64_t generation = 0; generation < GENERATIONS; generation++)
    for (uint64_t file = 0; file < FILES_MOST; file++) {
      char path[4096];
      path_of(path, sizeof path, folder, generation, file);
      if (unlink(path) != 0) break;
    }
}
