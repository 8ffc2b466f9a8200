/* Each record is read by exactly one rank, in order, wherever the borders between ranks fall: the rows that
 * all ranks read are those that this rank reads alone, with their lines, while a growing header moves the
 * borders over every byte of a nasty file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "comm/shuffle.h"
#include "io/csv_scan.h"

#define SHIFTS 260

static const char BODY[] =
    "a,\"x\ny\",1\n\n\"b\"\"\",\"\n\n\n\",2\r\nc,,3\n\"\",\"\"\"\",\"4\"\nd,e\"f,5\ng,\"h\"i,6\"\n,,\n\"\n\","
    "\",\n,\",7\n"
    "too,few\nj,k,8,9\nl,\"m\n\"\"\nn\"\"\n\",10\n\n\n\r\no,p,11";

static clv_status file_write(const char *path, int shift) {
  FILE *to = fopen(path, "w");
  if (to == NULL) return clv_fail(CLV_EIO, "cannot write %s", path);
  fprintf(
      to, "id,\"no\n%.*s\",amount\n%s", shift,
      "......................................................................"
      "......................................................................................................"
      "....................................................................................................."
      ".",
      BODY);
  return fclose(to) == 0 ? CLV_OK : CLV_EIO;
}

/* What one rank saw: defect, line and fields of each row, as text. */
static clv_status rows_read(const clv_comm *comm, const clv_csv_files *files, char **text, size_t *n) {
  static const clv_csv_column COLUMN[2] = {{"test.amount", "amount"}, {"test.id", "id"}};
  clv_status                  st        = CLV_OK;
  clv_csv_scan               *scan      = NULL;
  FILE                       *to        = open_memstream(text, n);
  clv_csv_row                 row;
  int                         got;
  CLV_TRY(clv_csv_scan_new(comm, files, COLUMN, 2, &scan));
  while ((got = clv_csv_scan_next(scan, &row)) > 0) {
    fprintf(to, "%d %llu", row.defect, (unsigned long long)row.line);
    if (row.defect == CLV_CSV_SOUND)
      fprintf(to, " <%.*s> <%.*s> %llx", (int)row.field[0].n, row.field[0].at, (int)row.field[1].n,
              row.field[1].at, (unsigned long long)clv_csv_scan_row_hash(scan));
    fputc('\n', to);
  }
  if (got < 0) st = (clv_status)got;
out:
  fclose(to);
  clv_csv_scan_free(&scan);
  return st;
}

static clv_status shift_check(const clv_comm *world, const clv_comm *self, char *path, int shift) {
  clv_status     st    = CLV_OK;
  clv_csv_files *files = NULL;
  char          *mine = NULL, *alone = NULL;
  void          *all    = NULL;
  size_t         n_mine = 0, n_alone = 0, total = 0;
  if (clv_comm_rank(world) == 0) st = file_write(path, shift);
  CLV_TRY(clv_comm_agree(world, st));
  CLV_TRY(clv_csv_files_new(world, "test", &path, 1, &files));
  CLV_TRY(clv_comm_agree(world, rows_read(world, files, &mine, &n_mine)));
  CLV_TRY(clv_comm_agree(world, rows_read(self, files, &alone, &n_alone)));
  CLV_TRY(clv_comm_allgatherv(world, mine, n_mine, &all, &total, NULL));
  if (total != n_alone || memcmp(all, alone, total) != 0)
    st = clv_fail(CLV_EFAULT, "shift %d: %d ranks read\n%.*sone reads\n%s", shift, clv_comm_size(world),
                  (int)total, (char *)all, alone);
  if (st == CLV_OK && strstr(alone, "<10>") == NULL)
    st = clv_fail(CLV_EFAULT, "the file was not read to its end");
  CLV_TRY(clv_comm_agree(world, st));
out:
  clv_csv_files_free(&files);
  free(mine);
  free(alone);
  free(all);
  return st;
}

int main(int argc, char **argv) {
  clv_status st;
  clv_comm  *world = NULL, *self = NULL;
  char       path[64] = "/tmp/clv_split_XXXXXX";
  CLV_TRY(clv_comm_init(&argc, &argv));
  CLV_TRY(clv_comm_world(&world));
  CLV_TRY(clv_comm_self(&self));
  if (clv_comm_rank(world) == 0) close(mkstemp(path));
  clv_comm_broadcast(world, path, sizeof path, 0);
  for (int shift = 0; shift < SHIFTS && st == CLV_OK; shift++) st = shift_check(world, self, path, shift);
  if (clv_comm_rank(world) == 0) unlink(path);
out:
  if (st < 0 && clv_comm_rank(world) == 0) fprintf(stderr, "%s\n", clv_message());
  clv_comm_free(&self);
  clv_comm_free(&world);
  clv_comm_finalize();
  return clv_status_exit_code(st);
}
