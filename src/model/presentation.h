// The stages of one presentation that both models share, and the preparation of a device for them.
#ifndef PSAC_MODEL_PRESENTATION_H
#define PSAC_MODEL_PRESENTATION_H

#include "src/model/network_parts.h"

// Retina and middle layer for n trials concurrently: fills shard.retina_spikes and shard.spikes. Collective.
psac_status psac_network_simulate_middle(psac_network *network, const psac_trial *trials, int n);

// Output and critic layers for the simulated trials: fills readout on rank 0. Collective.
psac_status psac_network_simulate_readout(psac_network *network, int n);

// Presents silent trials, so that NCCL connects and allocates its memory at the start, for messages of the run's
// lengths. A no-op unless NCCL connects GPUs, or a single GPU records its steps (simulation.cuda_graph). The state is
// unchanged. Collective; if a rank fails, the others wait for it.
psac_status psac_network_warm_up(psac_network *network);

// Records the middle layer's steps for n_concurrent trials (simulation.cuda_graph), so that the recording allocates its
// memory now; PSAC_ERR_MEMORY if there is too little. A no-op without cuda_graph, or if backend or transport cannot
// record. Requires psac_network_warm_up. Not collective.
psac_status psac_network_record(psac_network *network);

#endif
