// The notebook's plasticity rule on the device: weights change in every step in which middle and output neurons both
// spike.
#include "kernels/cuda/cuda_launch.h"
#include "kernels/rules/notebook/notebook_core.h"

// One warp: all lanes count the critic's spikes up to step t; lane 0 does the rest.
__global__ void judge(psac_shard shard, psac_readout readout, int t, psac_reward reward, psac_event *event) {
  const uint64_t outputs = readout.drives[shard.columns.one] > 0 ? readout.spikes[t] : 0;
  int64_t critic_spikes = 0;  // the notebook counts them from the start, not from t_skip
  for (int s = psac_lane(); outputs && s <= t; s += PSAC_WARP) {
    critic_spikes += __popcll(readout.spikes[shard.n_steps + s]);
  }
  critic_spikes = psac_warp_sum(critic_spikes);
  if (psac_lane() != 0) return;
  psac_notebook_judge(event, &reward, outputs, t, (double)critic_spikes / readout.layer[1].n);
}

extern "C" psac_status psac_cuda_judge_step(psac_stream *stream, const psac_shard *shard, const psac_readout *readout,
                                            int t, const psac_reward *reward, psac_event *event) {
  PSAC_LAUNCH(judge, 1, PSAC_WARP, stream, *shard, *readout, t, *reward, event);
  return PSAC_OK;
}

// The CUDA backend does not use word_sum: it reads a row as fast as a sum.
extern "C" psac_status psac_cuda_sum_words(psac_stream *stream, const psac_shard *shard) {
  (void)stream, (void)shard;
  return PSAC_OK;
}

// Thread per weight.
__global__ void change_weights(psac_shard shard, const uint64_t *spikes, const psac_event *event) {
  const int n = shard.columns.n_output;
  const int64_t k = psac_thread(), i = k / n;
  const int o = (int)(k % n);
  if (i >= shard.n_padded || !event->outputs) return;
  const int changes = (event->outputs >> o & 1) && (spikes[i / 64] >> (i % 64) & 1);
  int32_t *bits = &shard.rows[i * shard.columns.n + o];
  *bits = psac_notebook_bits(psac_notebook_add(psac_notebook_weight(*bits), changes ? event->change : 0.0f));
}

extern "C" psac_status psac_cuda_hebbian_step(psac_stream *stream, const psac_shard *shard, int n_trials, int trial,
                                              int t, const psac_event *event) {
  const uint64_t *spikes = shard->spikes + ((size_t)t * (size_t)n_trials + (size_t)trial) * (size_t)shard->n_words;
  PSAC_LAUNCH(change_weights, psac_blocks((int64_t)shard->n_padded * shard->columns.n_output), PSAC_THREADS, stream,
              *shard, spikes, event);
  return PSAC_OK;
}
