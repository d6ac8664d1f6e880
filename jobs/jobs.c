#include "jobs/jobs.h"

#include <string.h>

const psac_job psac_jobs[] = {
    {
        .name = "train",
        .summary = "train on the digits, then evaluate (the default)",
        .description = "Trains the configured network on the training images from reward alone, evaluates it on the "
                       "test images and writes a run file: learning curves, weights, statistics, recorded spikes.\n\n"
                       "Checkpoints are written beside the run file (configuration: checkpoint.*) and removed when "
                       "it is there. SIGUSR1 asks for one; SIGTERM, SIGINT, SIGHUP, SIGXCPU and SIGUSR2 ask for one "
                       "and stop the run with exit code 75. The same command with --resume auto goes on from the "
                       "newest and ends with the same bits as a run that was never stopped, on any number of ranks; "
                       "where there is none it starts afresh, and where the run file is there it does nothing, or "
                       "goes on with training if training.num_epochs is larger now. Options that are not given stay "
                       "as they were.",
        .bit = PSAC_JOB_TRAIN,
        .config = "psac",
        .replicas = PSAC_REPLICAS_LEARN,
        .run = psac_job_train,
    },
    {
        .name = "evaluate",
        .summary = "evaluate the weights of an earlier run",
        .description = "Presents the test images to the network of a run file, with its weights and its "
                       "configuration (which --config and --set may change), and writes a run file without training.",
        .bit = PSAC_JOB_EVALUATE,
        .replicas = PSAC_REPLICAS_TEST,
        .run = psac_job_evaluate,
    },
    {
        .name = "replay",
        .summary = "present recorded retina spikes to the notebook's network",
        .description = "Reads initial weights, labels and retina spikes from a case file (its layout: "
                       "docs/files.md), presents them as the notebook does, in two passes each, and writes a file "
                       "of the same layout with what this program did. The case's attributes num_neurons, t_total, "
                       "t_skip, dt and learning_rate override the configuration.",
        .bit = PSAC_JOB_REPLAY,
        .config = "notebook",
        .run = psac_job_replay,
    },
    {
        .name = "scaling",
        .summary = "measure speed, memory and accuracy against network size and ranks",
        .description = "Measures the networks of a study (configs/scaling.yaml explains every key) on the ranks "
                       "that it is started with, and adds a file with one row per measurement to the folder --out; "
                       "any number of jobs may add to one folder. tools/psac_report draws it. Images are those of "
                       "--data; where data/mnist is not there, speed is measured with synthetic ones, as the rows "
                       "say.\n\n"
                       "With --dry-run-ranks one process holds and computes the true share of one rank of a large "
                       "job; the other ranks' spikes are simulated, and the time on the network is that of "
                       "--hardware (NCCL's for a GPU, MPI's for a CPU).",
        .bit = PSAC_JOB_SCALING,
        .config = "psac",
        .replicas = PSAC_REPLICAS_OWN,
        .run = psac_job_scaling,
    },
    {
        .name = "info",
        .summary = "say what this build and this machine offer",
        .description = "Prints version, libraries, backends, transports and where the ranks run.",
        .bit = PSAC_JOB_INFO,
        .run = psac_job_info,
    },
    {
        .name = "config",
        .summary = "print the resolved configuration",
        .description = "Prints the configuration that the same options would give a run, with the unit, meaning and "
                       "range of every key.",
        .bit = PSAC_JOB_CONFIG,
        .config = "psac",
        .run = psac_job_config,
    },
    {
        .name = "plan",
        .summary = "predict memory and time of a job, without running it",
        .description = "Says whether a job fits into memory, how fast it is and how long an epoch takes, on any "
                       "number of ranks of this machine or of one of configs/hardware.yaml: layout, bytes by array, "
                       "time by stage, what dominates, and what would help. docs/performance.md explains the model.",
        .bit = PSAC_JOB_PLAN,
        .config = "psac",
        .replicas = PSAC_REPLICAS_OWN,
        .run = psac_job_plan,
    },
    {.name = NULL},
};

const psac_job *psac_job_find(const char *name) {
  for (const psac_job *job = psac_jobs; job->name; job++) {
    if (strcmp(job->name, name) == 0) return job;
  }
  return NULL;
}
