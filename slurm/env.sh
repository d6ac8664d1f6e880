# shellcheck shell=bash
# How psac_dist runs under Slurm: modules, MPI, network. Sourced by the job scripts of this folder;
# what the user has set stays.

# Modules of the site, for example PSAC_MODULES="gcc/12 openmpi/4.1 hdf5-parallel cuda nccl".
if [ -n "${PSAC_MODULES:-}" ]; then
  # shellcheck disable=SC2086  # a list
  module load $PSAC_MODULES || { echo "env.sh: PSAC_MODULES=\"$PSAC_MODULES\" could not be loaded" >&2; exit 2; }
fi

# How srun's ranks find each other. Open MPI is started by srun through PMIx; `srun --mpi=list` shows what a site has.
export PSAC_MPI=${PSAC_MPI:-pmix}
# srun, or mpirun where the site's Slurm has no PMIx.
export PSAC_LAUNCHER=${PSAC_LAUNCHER:-srun}

# A file is written by one job, so locks protect nothing, and HDF5 fails where NFS or Lustre do not offer them.
export HDF5_USE_FILE_LOCKING=${HDF5_USE_FILE_LOCKING:-FALSE}

# Since Slurm 22.05 srun does not take over the cores per task of the job.
if [ -n "${SLURM_CPUS_PER_TASK:-}" ]; then export SRUN_CPUS_PER_TASK=${SRUN_CPUS_PER_TASK:-$SLURM_CPUS_PER_TASK}; fi

# NCCL says in one line why it could not do something; INFO shows the rings and networks that it chose.
export NCCL_DEBUG=${NCCL_DEBUG:-WARN}
# How long an InfiniBand message may take (4 us x 2^22 = 17 s): a busy fabric is slow for moments, a lost rank is
# psac_dist's watchdog's matter.
export NCCL_IB_TIMEOUT=${NCCL_IB_TIMEOUT:-22}

# PSAC_NETWORK=ib0 keeps start-up messages of MPI and NCCL off networks that do not reach the other nodes (docker0, a
# management network).
if [ -n "${PSAC_NETWORK:-}" ]; then
  export NCCL_SOCKET_IFNAME=${NCCL_SOCKET_IFNAME:-$PSAC_NETWORK}
  export OMPI_MCA_oob_tcp_if_include=${OMPI_MCA_oob_tcp_if_include:-$PSAC_NETWORK}
  export OMPI_MCA_btl_tcp_if_include=${OMPI_MCA_btl_tcp_if_include:-$PSAC_NETWORK}
fi

# Slurm has bound the job to its cores; mpirun binding once more would put the ranks of two jobs on the same ones.
export OMPI_MCA_hwloc_base_binding_policy=${OMPI_MCA_hwloc_base_binding_policy:-none}  # Open MPI 4
export PRTE_MCA_hwloc_default_binding_policy=${PRTE_MCA_hwloc_default_binding_policy:-none}  # 5

# psac_launch RANKS PROGRAM ARGUMENT...: replaces the (sub)shell by the launcher. Slurm gives each node its GPUs,
# psac_dist each rank its own by its place on the node; every rank has to see all of them, or GPUs could not reach each
# other over NVLink.
psac_launch() {
  local ranks=$1 on_node=${SLURM_NTASKS_PER_NODE:-}
  shift
  case $PSAC_LAUNCHER in
    # Fewer ranks than the job has room for fill one node after another, as mpirun places them; srun alone would spread
    # them. A rank that stops on request ends with 75: the others get a minute to end as well instead of being killed.
    srun)
      exec srun --mpi="$PSAC_MPI" ${on_node:+--nodes=$(((ranks + on_node - 1) / on_node))} --ntasks="$ranks" \
        --wait=60 --kill-on-bad-exit=0 "$@"
      ;;
    mpirun) exec mpirun -np "$ranks" "$@" ;;
  esac
}
