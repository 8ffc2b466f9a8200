#define CLV_ANALYZED_ITSELF /* see analyzer.h */
#include "comm/comm.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "comm/comm_mpi.h"
#include "comm/comm_private.h"

/* MPI counts are int; a quarter of that leaves room for libraries that multiply internally. */
#define MOST_BYTES ((size_t)1 << 29)

/* How many processes the launcher says it started; 1 where it says nothing. Open MPI's own launcher is asked
 * first: under it the Slurm variables describe its daemons, not the ranks. */
static long launched_processes(const char **variable) {
  static const char *const VARIABLES[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"};
  for (size_t i = 0; i < sizeof VARIABLES / sizeof *VARIABLES; i++) {
    const char *text = getenv(VARIABLES[i]);
    if (text == NULL || *text == '\0') continue;
    *variable = VARIABLES[i];
    return strtol(text, NULL, 10);
  }
  return 1;
}

clv_status clv_comm_init(int *argc, char ***argv) {
  const char *variable = "";
  const long  launched =
      launched_processes(&variable); /* before MPI_Init, which may set variables of its own */
  int level = 0, size = 0;
  MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &level);
  if (level < MPI_THREAD_FUNNELED)
    return clv_fail(CLV_EFAULT, "this MPI library offers no MPI_THREAD_FUNNELED: build clv with another one");
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  if (launched > 1 && size == 1)
    return clv_fail(
        CLV_EUSAGE,
        "%s says that %ld processes were started but MPI sees only this one: start with mpirun, or with "
        "srun --mpi=pmix or --mpi=pmi2, whichever this MPI library was built for",
        variable, launched);
  return CLV_OK;
}

void clv_comm_finalize(void) {
  int up = 0, down = 0;
  MPI_Initialized(&up);
  MPI_Finalized(&down);
  if (up && !down) MPI_Finalize();
}

/* How the process is to end is known where a file breaks and needed where main ends. */
static bool abandoned;

void clv_comm_abandon(void) { abandoned = true; }

void clv_comm_leave(int code) {
  fflush(NULL);
  if (abandoned) _exit(code); /* no exit handlers: HDF5's would close the file */
  clv_comm_finalize();
  exit(code);
}

/* The object first and the communicator second, so that no rank is left alone in a collective of MPI's.
 * Collective over `of`. */
static clv_status shell_new(MPI_Comm of, clv_comm **out) {
  void *memory = NULL;
  int   all    = clv_calloc(1, sizeof(clv_comm), &memory) == CLV_OK;
  MPI_Allreduce(MPI_IN_PLACE, &all, 1, MPI_INT, MPI_MIN, of);
  if (!all) {
    free(memory);
    clv_fail(CLV_ENOMEM, "memory for a communicator was refused: ask for more memory per rank");
    return CLV_ENOMEM;
  }
  *out               = memory;
  (*out)->most_bytes = MOST_BYTES;
  return CLV_OK;
}

static void shell_fill(clv_comm *self) {
  MPI_Comm_rank(self->mpi, &self->rank);
  MPI_Comm_size(self->mpi, &self->size);
}

static clv_status duplicate(MPI_Comm of, clv_comm **out) {
  clv_comm  *self = NULL;
  clv_status st   = shell_new(of, &self);
  if (st < 0) return st;
  MPI_Comm_dup(of, &self->mpi);
  shell_fill(self);
  *out = self;
  return CLV_OK;
}

clv_status clv_comm_world(clv_comm **out) { return duplicate(MPI_COMM_WORLD, out); }

clv_status clv_comm_self(clv_comm **out) { return duplicate(MPI_COMM_SELF, out); }

clv_status clv_comm_split(const clv_comm *comm, int colour, clv_comm **out) {
  clv_comm *part = NULL;
  CLV_CHECK(colour >= 0);
  clv_comm_handshake(comm, CLV_COMM_SPLIT, 0);
  clv_status st = shell_new(comm->mpi, &part);
  if (st < 0) return st;
  MPI_Comm_split(comm->mpi, colour, comm->rank, &part->mpi);
  shell_fill(part);
  part->most_bytes = comm->most_bytes;
  *out             = part;
  return CLV_OK;
}

void clv_comm_free(clv_comm **self) {
  if (self == NULL || *self == NULL) return;
  clv_comm_handshake(*self, CLV_COMM_FREE, 0);
  MPI_Comm_free(&(*self)->mpi);
  free(*self);
  *self = NULL;
}

int clv_comm_rank(const clv_comm *self) { return self->rank; }

int clv_comm_size(const clv_comm *self) { return self->size; }

MPI_Comm clv_comm_mpi(const clv_comm *self) { return self->mpi; }

static void broadcast(const clv_comm *self, void *data, size_t bytes, int root) {
  for (size_t done = 0; done < bytes && self->size > 1;) {
    const size_t left = bytes - done, now = left < self->most_bytes ? left : self->most_bytes;
    MPI_Bcast((char *)data + done, (int)now, MPI_BYTE, root, self->mpi);
    done += now;
  }
}

clv_status clv_comm_agree(const clv_comm *self, clv_status mine) {
  char text[CLV_MESSAGE_MAX];
  if (self->size == 1) return mine;
  clv_comm_handshake(self, CLV_COMM_AGREE, 0);
  /* Rank above, code below: the minimum is the lowest failing rank and says its code too. */
  int64_t first = INT64_MAX;
  if (mine < 0) first = ((int64_t)self->rank << 32) | (int64_t)(-mine);
  MPI_Allreduce(MPI_IN_PLACE, &first, 1, MPI_INT64_T, MPI_MIN, self->mpi);
  if (first == INT64_MAX) return CLV_OK;
  const int rank = (int)(first >> 32);
  memset(text, 0, sizeof text);
  if (self->rank == rank) memcpy(text, clv_message(), strlen(clv_message()));
  broadcast(self, text, sizeof text, rank);
  clv_message_set(text);
  return (clv_status)(-(first & INT32_MAX));
}

void clv_comm_barrier(const clv_comm *self) {
  clv_comm_handshake(self, CLV_COMM_BARRIER, 0);
  if (self->size > 1) MPI_Barrier(self->mpi);
}

void clv_comm_broadcast(const clv_comm *self, void *data, size_t bytes, int root) {
  CLV_CHECK(root >= 0 && root < self->size);
  clv_comm_handshake(self, CLV_COMM_BROADCAST, bytes ^ ((uint64_t)root << 48));
  broadcast(self, data, bytes, root);
}

/* All reduced types here are eight bytes wide. */
static void reduce(const clv_comm *self, void *values, size_t n, MPI_Datatype type, MPI_Op op) {
  const size_t most = self->most_bytes / 8;
  for (size_t done = 0; done < n && self->size > 1;) {
    const size_t left = n - done, now = left < most ? left : most;
    MPI_Allreduce(MPI_IN_PLACE, (char *)values + 8 * done, (int)now, type, op, self->mpi);
    done += now;
  }
}

void clv_comm_sum_i64(const clv_comm *self, int64_t *values, size_t n) {
  clv_comm_handshake(self, CLV_COMM_SUM_I64, n);
  reduce(self, values, n, MPI_INT64_T, MPI_SUM);
}

void clv_comm_max_i64(const clv_comm *self, int64_t *values, size_t n) {
  clv_comm_handshake(self, CLV_COMM_MAX_I64, n);
  reduce(self, values, n, MPI_INT64_T, MPI_MAX);
}

void clv_comm_max_f64(const clv_comm *self, double *values, size_t n) {
  clv_comm_handshake(self, CLV_COMM_MAX_F64, n);
  reduce(self, values, n, MPI_DOUBLE, MPI_MAX);
}

void clv_comm_min_f64(const clv_comm *self, double *values, size_t n) {
  clv_comm_handshake(self, CLV_COMM_MIN_F64, n);
  reduce(self, values, n, MPI_DOUBLE, MPI_MIN);
}

int64_t clv_comm_scan_before(const clv_comm *self, int64_t mine) {
  int64_t before = 0;
  clv_comm_handshake(self, CLV_COMM_SCAN, 0);
  if (self->size > 1) MPI_Exscan(&mine, &before, 1, MPI_INT64_T, MPI_SUM, self->mpi);
  return self->rank == 0 ? 0 : before; /* MPI leaves rank 0's result undefined */
}

void clv_comm_allgather(const clv_comm *self, const void *mine, size_t bytes, void *all) {
  clv_comm_handshake(self, CLV_COMM_ALLGATHER, bytes);
  if (bytes == 0) return;
  if (bytes <= self->most_bytes / (size_t)self->size) {
    MPI_Allgather(mine, (int)bytes, MPI_BYTE, all, (int)bytes, MPI_BYTE, self->mpi);
    return;
  }
  memcpy((char *)all + (size_t)self->rank * bytes, mine, bytes);
  for (int r = 0; r < self->size; r++) broadcast(self, (char *)all + (size_t)r * bytes, bytes, r);
}

/* Lengths of the pieces, known to all ranks. */
typedef struct pieces {
  int    *count; /* owned, [size]; valid where is_small */
  int    *from;  /* owned, [size] */
  size_t *bytes; /* owned, [size] */
  size_t  total;
  bool    is_small; /* one MPI call is enough */
} pieces;

static void pieces_free(pieces *p) {
  free(p->count);
  free(p->from);
  free(p->bytes);
}

/* Collective: every rank learns all lengths, or that a rank had no memory to. */
static clv_status pieces_learn(const clv_comm *self, size_t bytes, pieces *p) {
  const size_t size = (size_t)self->size;
  clv_status   st   = CLV_OK;
  if ((st = clv_calloc(size, sizeof *p->count, (void **)&p->count)) == CLV_OK &&
      (st = clv_calloc(size, sizeof *p->from, (void **)&p->from)) == CLV_OK)
    st = clv_calloc(size, sizeof *p->bytes, (void **)&p->bytes);
  if ((st = clv_comm_agree(self, st)) < 0) return st;
  MPI_Allgather(&bytes, sizeof bytes, MPI_BYTE, p->bytes, sizeof bytes, MPI_BYTE, self->mpi);
  for (int r = 0; r < self->size; r++)
    if (__builtin_add_overflow(p->total, p->bytes[r], &p->total))
      return clv_fail(CLV_ENOMEM, "the pieces of %d ranks together are more than an address can reach",
                      self->size);
  p->is_small = p->total <= self->most_bytes;
  for (int r = 0, at = 0; r < self->size && p->is_small; r++) {
    p->from[r]  = at;
    p->count[r] = (int)p->bytes[r];
    at += p->count[r];
  }
  return CLV_OK;
}

static void send_split(const clv_comm *self, const char *data, size_t bytes, int root) {
  for (size_t done = 0; done < bytes;) {
    const size_t left = bytes - done, now = left < self->most_bytes ? left : self->most_bytes;
    MPI_Send(data + done, (int)now, MPI_BYTE, root, 0, self->mpi);
    done += now;
  }
}

static void receive_split(const clv_comm *self, char *data, size_t bytes, int from) {
  for (size_t done = 0; done < bytes;) {
    const size_t left = bytes - done, now = left < self->most_bytes ? left : self->most_bytes;
    MPI_Recv(data + done, (int)now, MPI_BYTE, from, 0, self->mpi, MPI_STATUS_IGNORE);
    done += now;
  }
}

static void gather_pieces(const clv_comm *self, const pieces *p, const void *mine, int root, char *all) {
  const size_t bytes = p->bytes[self->rank];
  size_t       at    = 0;
  if (p->is_small) {
    MPI_Gatherv(mine, p->count[self->rank], MPI_BYTE, all, p->count, p->from, MPI_BYTE, root, self->mpi);
    return;
  }
  if (self->rank != root) {
    send_split(self, mine, bytes, root);
    return;
  }
  CLV_CHECK(all != NULL);
  for (int r = 0; r < self->size; r++) {
    if (r != root)
      receive_split(self, all + at, p->bytes[r], r);
    else if (bytes > 0)
      memcpy(all + at, mine, bytes);
    at += p->bytes[r];
  }
}

static void allgather_pieces(const clv_comm *self, const pieces *p, const void *mine, char *all) {
  size_t at = 0;
  if (p->is_small) {
    MPI_Allgatherv(mine, p->count[self->rank], MPI_BYTE, all, p->count, p->from, MPI_BYTE, self->mpi);
    return;
  }
  for (int r = 0; r < self->size; r++) {
    if (r == self->rank && p->bytes[r] > 0) memcpy(all + at, mine, p->bytes[r]);
    broadcast(self, all + at, p->bytes[r], r);
    at += p->bytes[r];
  }
}

clv_status clv_comm_gather(const clv_comm *self, const void *mine, size_t bytes, int root, void **all,
                           size_t *total, size_t *counts) {
  const bool is_root = self->rank == root;
  void      *memory  = NULL;
  pieces     p       = {0};
  clv_status st      = CLV_OK;
  CLV_CHECK(root >= 0 && root < self->size);
  clv_comm_handshake(self, CLV_COMM_GATHER, (uint64_t)root);
  CLV_TRY(pieces_learn(self, bytes, &p));
  if (is_root) st = clv_alloc(p.total, 1, &memory);
  CLV_TRY(clv_comm_agree(self, st));
  gather_pieces(self, &p, mine, root, memory);
  if (counts != NULL && is_root) memcpy(counts, p.bytes, (size_t)self->size * sizeof *counts);
  *total = is_root ? p.total : 0;
  *all   = memory;
out:
  if (st < 0) free(memory);
  pieces_free(&p);
  return st;
}

clv_status clv_comm_allgatherv(const clv_comm *self, const void *mine, size_t bytes, void **all,
                               size_t *total, size_t *counts) {
  void      *memory = NULL;
  pieces     p      = {0};
  clv_status st     = CLV_OK;
  clv_comm_handshake(self, CLV_COMM_ALLGATHERV, 0);
  CLV_TRY(pieces_learn(self, bytes, &p));
  CLV_TRY(clv_comm_agree(self, clv_alloc(p.total, 1, &memory)));
  allgather_pieces(self, &p, mine, memory);
  if (counts != NULL) memcpy(counts, p.bytes, (size_t)self->size * sizeof *counts);
  *total = p.total;
  *all   = memory;
out:
  if (st < 0) free(memory);
  pieces_free(&p);
  return st;
}

void clv_comm_library(char *text, size_t size) {
  char full[MPI_MAX_LIBRARY_VERSION_STRING];
  int  length = 0;
  MPI_Get_library_version(full, &length);
  full[strcspn(full, "\n")] = '\0';
  snprintf(text, size, "%s", full);
}

double clv_clock(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
