#include "jobs/plugin.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "engine/models/plugin_check.h"
#include "io/shared_object.h"

enum { SENTENCE_MOST = 1024 };

struct clv_plugin_host {
  clv_shared_object *object; /* owned */
  const clv_plugin  *table;  /* borrowed from it */
  char              *path;   /* owned */
};

static clv_status host_open(const char *path, clv_plugin_host **out) {
  clv_plugin_host *self = NULL;
  clv_function     found;
  const clv_plugin *(*get)(void);
  clv_status st = clv_calloc(1, sizeof *self, (void **)&self);
  if (st < 0) return st;
  if ((self->path = strdup(path)) == NULL) CLV_TRY(clv_fail(CLV_ENOMEM, "no memory for a path"));
  CLV_TRY(clv_shared_object_open(path, &self->object));
  CLV_TRY(clv_shared_object_find(self->object, CLV_PLUGIN_SYMBOL, &found));
  memcpy(&get, &found, sizeof get);
  self->table = get();
  CLV_TRY(clv_plugin_check(self->table, path));
  *out = self, self = NULL;
out:
  clv_plugin_unload(&self);
  return st;
}

/* Nodes of a cluster may hold other builds under one path: their gradients would part the ranks. */
static clv_status builds_compare(const clv_comm *comm, const clv_plugin_host *self) {
  char        first[sizeof((clv_digest *)0)->hex];
  const char *mine = clv_shared_object_digest(self->object)->hex;
  memcpy(first, mine, sizeof first);
  clv_comm_broadcast(comm, first, sizeof first, 0);
  const clv_status st =
      strcmp(first, mine) == 0
          ? CLV_OK
          : clv_fail(CLV_EUSAGE,
                     "plug-in '%s': rank %d reads another build of it than rank 0; put the same "
                     "file on every node",
                     self->path, clv_comm_rank(comm));
  return clv_comm_agree(comm, st);
}

clv_status clv_plugin_load(const clv_comm *comm, const char *path, clv_plugin_host **out) {
  clv_plugin_host *self = NULL;
  clv_status       st   = CLV_OK;
  CLV_TRY(clv_comm_agree(comm, host_open(path, &self)));
  CLV_TRY(builds_compare(comm, self));
  *out = self, self = NULL;
out:
  clv_plugin_unload(&self);
  return st;
}

void clv_plugin_unload(clv_plugin_host **self) {
  if (self == NULL || *self == NULL) return;
  clv_shared_object_close(&(*self)->object);
  free((*self)->path);
  free(*self);
  *self = NULL;
}

const clv_plugin *clv_plugin_table(const clv_plugin_host *self) { return self->table; }

const char *clv_plugin_digest(const clv_plugin_host *self) {
  return clv_shared_object_digest(self->object)->hex;
}

/* Customers are where all others expect them. */
static bool has_blocks(const clv_latent_model_ops *latent, const void *made, const clv_blocks *blocks) {
  if (latent == NULL) return true;
  const clv_blocks b = latent->blocks(made);
  return b.n == blocks->n && b.n_block == blocks->n_block && b.first_block == blocks->first_block &&
         b.last_block == blocks->last_block && b.first == blocks->first && b.last == blocks->last;
}

clv_status clv_plugin_make(const clv_plugin_host *self, const clv_plugin_data *data, clv_model *out) {
  char  sentence[SENTENCE_MOST] = "";
  void *made                    = self->table->make(data, sentence, sizeof sentence);
  sentence[sizeof sentence - 1] = '\0';
  if (made != NULL && !has_blocks(self->table->latent, made, &data->blocks)) {
    if (self->table->latent->hyper->free != NULL) self->table->latent->hyper->free(made);
    return clv_fail(CLV_EUSAGE, "plug-in %s ('%s'): its blocks must be those of its data", self->table->name,
                    self->path);
  }
  if (made != NULL) {
    *out = (clv_model){.ops  = self->table->latent != NULL ? self->table->latent->hyper : self->table->model,
                       .self = made};
    return CLV_OK;
  }
  if (sentence[0] == '\0' && clv_message()[0] != '\0') return CLV_EUSAGE; /* of a prior it could not read */
  clv_message_clear();
  return clv_fail(CLV_EUSAGE, "plug-in %s ('%s') made no model: %s", self->table->name, self->path,
                  sentence[0] != '\0' ? sentence : "its make returned NULL and said nothing");
}
