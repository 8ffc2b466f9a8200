#include "jobs/fit_sampler.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/shards.h"

enum { HOST = 256 };

/* Bytes of this rank: what the sampler says, and a customer's history, amounts and coordinates (24 + 168, 24
 * + 48). */
static uint64_t bytes_needed(const clv_fit_place *place, const clv_sampler_plan *plan) {
  const clv_latent_model_ops *ops    = place->fit.latent;
  const clv_blocks            blocks = ops->blocks(place->fit.model.self);
  const uint64_t              n      = blocks.last_block - blocks.first_block;
  return clv_latent_sampler_bytes(ops->n_latent(place->fit.model.self), n, plan) + n * CLV_LATENT_BLOCK * 264;
}

/* The ranks of one machine share its memory. Collective over shards. */
static clv_status memory_check(const clv_comm *shards, uint64_t mine) {
  const int      size = clv_comm_size(shards);
  const uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), has = page * (uint64_t)sysconf(_SC_PHYS_PAGES);
  char           host[HOST + sizeof mine] = "", *all = NULL;
  uint64_t       needed = 0;
  clv_status     st     = CLV_OK;
  gethostname(host, HOST - 1);
  memcpy(host + HOST, &mine, sizeof mine);
  CLV_TRY(clv_comm_agree(shards, clv_alloc((size_t)size, sizeof host, (void **)&all)));
  clv_comm_allgather(shards, host, sizeof host, all);
  for (size_t r = 0; r < (size_t)size; r++) {
    uint64_t its;
    memcpy(&its, all + r * sizeof host + HOST, sizeof its);
    if (strncmp(all + r * sizeof host, host, HOST) == 0) needed += its;
  }
  if (needed > has)
    st =
        clv_fail(CLV_ENOMEM,
                 "model.integrate: none needs %.1f GB on this machine, which has %.1f GB; use more machines, "
                 "fewer sampler.num_chains, a smaller sampler.max_tree_depth, or model.integrate: grid",
                 1e-9 * (double)needed, 1e-9 * (double)has);
  st = clv_comm_agree(shards, st);
out:
  free(all);
  return st;
}

clv_status clv_fit_sampler_new(const clv_fit_place *place, const clv_sampler_plan *plan, const uint64_t *kept,
                               size_t n_kept, clv_fit_sampler *out) {
  const clv_comm        *shards = clv_topology_shards(place->topology);
  const clv_latent_model model  = {.ops = place->fit.latent, .self = place->fit.model.self};
  clv_status             st     = CLV_OK;
  *out                          = (clv_fit_sampler){.place = place};
  if (model.ops == NULL) return clv_sampler_new(place->topology, &place->fit.model, plan, &out->collapsed);
  CLV_TRY(memory_check(shards, bytes_needed(place, plan)));
  CLV_TRY(clv_latent_sampler_new(shards, &model, plan, kept, n_kept, &out->latent));
out:
  return st;
}

void clv_fit_sampler_free(clv_fit_sampler *self) {
  clv_sampler_free(&self->collapsed);
  clv_latent_sampler_free(&self->latent);
}

clv_status clv_fit_sampler_run(clv_fit_sampler *self, int n_draw, const clv_sampler_watch *watch,
                               clv_latent_leg *leg) {
  *leg = (clv_latent_leg){0};
  if (self->latent == NULL) return clv_sampler_run(self->collapsed, n_draw, watch, &leg->leg);
  return clv_latent_sampler_run(self->latent, n_draw, watch, leg);
}

void clv_fit_sampler_tuning(const clv_fit_sampler *self, double *step_size, double *inv_metric) {
  if (self->latent == NULL)
    clv_sampler_tuning(self->collapsed, step_size, inv_metric);
  else
    clv_latent_sampler_tuning(self->latent, step_size, inv_metric);
}

static clv_shards shards_of(const clv_fit_sampler *self, const char *folder, uint64_t generation) {
  const clv_blocks blocks = self->place->fit.latent->blocks(self->place->fit.model.self);
  return (clv_shards){.folder      = folder,
                      .generation  = generation,
                      .first_block = blocks.first_block,
                      .n_block     = blocks.last_block - blocks.first_block,
                      .n_block_all = blocks.n_block,
                      .block_bytes = clv_latent_sampler_block_bytes(self->latent)};
}

static void block_pack(const void *context, size_t block, void *to) {
  clv_latent_sampler_block_pack(context, block, to);
}

static void block_unpack(void *context, size_t block, const void *from) {
  clv_latent_sampler_block_unpack(context, block, from);
}

clv_status clv_fit_sampler_save(const clv_fit_sampler *self, const char *folder, uint64_t generation,
                                void **bytes, size_t *n) {
  const clv_comm *world = clv_topology_world(self->place->topology);
  clv_status      st    = CLV_OK;
  if (self->latent == NULL) return clv_sampler_save(self->collapsed, bytes, n);
  const clv_shards shards = shards_of(self, folder, generation);
  if (folder != NULL) CLV_TRY(clv_shards_write(world, &shards, block_pack, self->latent));
  CLV_TRY(clv_latent_sampler_save(self->latent, bytes, n));
out:
  return st;
}

clv_status clv_fit_sampler_restore(clv_fit_sampler *self, const char *folder, uint64_t generation,
                                   const void *bytes, size_t n) {
  const clv_comm *world = clv_topology_world(self->place->topology);
  clv_status      st    = CLV_OK;
  if (self->latent == NULL) return clv_sampler_restore(self->collapsed, bytes, n);
  CLV_TRY(clv_latent_sampler_restore(self->latent, bytes, n));
  const clv_shards shards = shards_of(self, folder, generation); /* a block's bytes go with the phase */
  CLV_TRY(clv_shards_read(world, &shards, block_unpack, self->latent));
out:
  return st;
}

double clv_fit_sampler_warmup_gradients(const clv_fit_sampler *self) {
  return self->collapsed == NULL ? 0.0 : clv_sampler_warmup_gradients(self->collapsed);
}
