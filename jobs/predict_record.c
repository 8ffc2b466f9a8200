#include "jobs/predict_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/checkpoint.h"
#include "io/files.h"
#include "jobs/step.h"
#include "jobs/version.h"

/* Configuration, version and the trace's and the plug-in's hashes as lines. By rank 0: one rank hashes the
 * trace. */
static clv_status matters_name(const clv_config *config, char **out) {
  const clv_step *step  = clv_step_find("predict");
  char           *lines = NULL, *trace = NULL;
  size_t          n = 0;
  clv_digest      digest, plugin = {.bytes = 0};
  clv_status      st = CLV_OK;
  while (step->section[n] != NULL) n++;
  CLV_TRY(clv_config_extract(config, step->section, n, &lines));
  CLV_TRY(clv_config_run_path(config, "trace.nc", &trace));
  CLV_TRY(clv_file_digest(trace, &digest));
  if (config->model.plugin != NULL) CLV_TRY(clv_file_digest(config->model.plugin, &plugin));
  if (asprintf(out, "%sversion: %s\ntrace: %s\nplugin: %s\n", lines, clv_version_text(), digest.hex,
               plugin.hex) < 0) {
    *out = NULL;
    st   = clv_fail(CLV_ENOMEM, "no memory for the record of predictions");
  }
out:
  free(lines);
  free(trace);
  return st;
}

clv_status clv_predict_record_open(const clv_comm *comm, const clv_config *config, const char *content,
                                   clv_predict_record *out) {
  clv_checkpoint *found = NULL;
  char            fallback[256];
  int32_t         ours = 0;
  clv_status      st   = clv_config_run_path(config, "checkpoint/predict", &out->folder);
  if (st == CLV_OK && clv_comm_rank(comm) == 0) st = matters_name(config, &out->matters);
  CLV_TRY(clv_comm_agree(comm, st));
  snprintf(out->data, sizeof out->data, "%s", content);
  out->saved_at = clv_clock();
  CLV_TRY(clv_checkpoint_read(comm, out->folder, &found, &out->generation, fallback));
  if (found == NULL) goto out;
  if (clv_comm_rank(comm) == 0)
    ours = strcmp(found->config, out->matters) == 0 && strcmp(found->data, out->data) == 0 &&
           found->n_state == sizeof out->at;
  clv_comm_broadcast(comm, &ours, sizeof ours, 0);
  if (ours) {
    out->done = found->n_draw;
    memcpy(&out->at, found->state, sizeof out->at);
  }
out:
  clv_checkpoint_free(&found);
  return st;
}

clv_status clv_predict_record_save(clv_predict_record *self, const clv_comm *comm, uint64_t done,
                                   int64_t at) {
  clv_status     st  = CLV_OK;
  clv_checkpoint now = {.n_draw = done, .config = self->matters, .state = &at, .n_state = sizeof at};
  memcpy(now.data, self->data, sizeof now.data);
  if (clv_comm_rank(comm) == 0) st = clv_checkpoint_write(self->folder, &now, &self->generation);
  self->saved_at = clv_clock();
  return clv_comm_agree(comm, st);
}

void clv_predict_record_remove(clv_predict_record *self) { clv_checkpoint_remove(self->folder); }

void clv_predict_record_free(clv_predict_record *self) {
  free(self->folder);
  free(self->matters);
  *self = (clv_predict_record){0};
}
