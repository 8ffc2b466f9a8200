#include "engine/sampler/watch.h"

clv_watch clv_watch_of(const clv_comm *shards) {
  return (clv_watch){.shards = shards, .every = 1, .since = clv_clock()};
}

bool clv_watch_stops(clv_watch *self, bool mine) {
  self->wanted = self->wanted || mine;
  if (clv_comm_size(self->shards) == 1) return self->wanted;
  if (++self->rounds < self->every) return false;

  const double now       = clv_clock();
  int64_t      agreed[2] = {self->wanted, (int64_t)(1e9 * (now - self->since))};
  clv_comm_max_i64(self->shards, agreed, 2);
  const double per_round = 1e-9 * (double)agreed[1] / (double)self->rounds;
  const double next      = CLV_WATCH_SECONDS / (per_round > 1e-9 ? per_round : 1e-9);
  /* At most four times as far as last time: one quick round says little about the next. */
  const double most = 4.0 * (double)self->every;
  self->every       = next < 1 ? 1 : (int64_t)(next < most ? next : most);
  self->rounds      = 0;
  self->since       = now;
  return agreed[0] != 0;
}
