# shellcheck shell=bash
# Options that the scripts of this folder share: the shape of a job and where things are. Sourced; each can also be set
# as an environment variable, which is what the job itself sees. The sourcing script sets `script`, its name in
# messages, and a function `usage`.

common_usage() {
  cat <<'END'
  --gpus-per-node G    GPUs and ranks of a node, one rank per GPU; 0 = CPUs only  PSAC_GPUS_PER_NODE  [8]
  --ranks-per-node R   ranks of a node                                            PSAC_RANKS_PER_NODE [G; 32 if G = 0]
  --time LIMIT         time limit of a job, as sbatch has it                      PSAC_TIME           [04:00:00]
  --partition NAME     partition                                                  PSAC_PARTITION      [the cluster's]
  --account NAME       account                                                    PSAC_ACCOUNT        [yours]
  --launcher NAME      srun (with --mpi=PSAC_MPI, pmix) or mpirun                 PSAC_LAUNCHER       [srun]
  --program FILE       psac_dist                                                  PSAC_PROGRAM        [build/psac_dist]
  --data FOLDER        the MNIST files                                            PSAC_DATA           [data/mnist]
  --sbatch OPTION      any other option for sbatch, as in --sbatch=--constraint=h100 (repeatable)
  --dry-run            print what would be submitted, and submit nothing
  --help               this text

Modules: PSAC_MODULES; network of MPI and NCCL: PSAC_NETWORK; both with reasons in slurm/env.sh.
Exit codes: 0 submitted, 1 sbatch refused, 2 bad input.
END
}

die() {
  printf '%s: %s\n' "${script:?}" "$*" >&2
  exit 2
}

extra_sbatch=()
dry_run=

# read_option NAME VALUE: keeps one "--NAME VALUE"; fails for a name that is not one of the common options.
read_common_option() {
  case $1 in
    --gpus-per-node) PSAC_GPUS_PER_NODE=$2 ;;
    --ranks-per-node) PSAC_RANKS_PER_NODE=$2 ;;
    --time) PSAC_TIME=$2 ;;
    --partition) PSAC_PARTITION=$2 ;;
    --account) PSAC_ACCOUNT=$2 ;;
    --launcher) PSAC_LAUNCHER=$2 ;;
    --program) PSAC_PROGRAM=$2 ;;
    --data) PSAC_DATA=$2 ;;
    --sbatch) extra_sbatch+=("$2") ;;
    *) return 1 ;;
  esac
}

# read_options OWN_OPTION_READER ARGUMENT...: all arguments up to --; the rest is left in program_arguments.
# shellcheck disable=SC2034  # which the sourcing script uses
read_options() {
  local own=$1 name value
  shift
  program_arguments=()
  while [ $# -gt 0 ]; do
    case $1 in
      --help) usage; exit 0 ;;
      --dry-run) dry_run=yes; shift; continue ;;
      --) shift; program_arguments=("$@"); return ;;
      --*=*) name=${1%%=*} value=${1#*=}; shift ;;
      --*) [ $# -gt 1 ] || die "$1 needs a value (or is unknown); $script --help lists the options"
           name=$1 value=$2; shift 2 ;;
      *) die "$1 is not understood; arguments for psac_dist come after --" ;;
    esac
    [ -n "$value" ] || die "$name needs a value"
    "$own" "$name" "$value" || read_common_option "$name" "$value" ||
      die "$name is not an option; $script --help lists them"
  done
}

# whole NAME VALUE LOWEST: refuses what is not a whole number of at least that.
whole() {
  if ! [[ $2 =~ ^(0|[1-9][0-9]{0,8})$ ]] || [ "$2" -lt "$3" ]; then die "$1 $2 is not a whole number from $3 on"; fi
}

# refuse_own NAME...: options that the script itself gives to psac_dist, and that would go astray after --.
refuse_own() {
  local argument name
  for argument in "${program_arguments[@]}"; do
    for name in "$@"; do
      case $argument in "$name" | "$name="*) die "$name is set by $script and cannot stand after --" ;; esac
    done
  done
}

# Fills in what is not set, and checks everything before anything is submitted.
# Paths become absolute: a job starts elsewhere.
settle_common_options() {
  PSAC_GPUS_PER_NODE=${PSAC_GPUS_PER_NODE:-8}
  whole --gpus-per-node "$PSAC_GPUS_PER_NODE" 0
  if [ "$PSAC_GPUS_PER_NODE" -gt 0 ]; then
    PSAC_RANKS_PER_NODE=${PSAC_RANKS_PER_NODE:-$PSAC_GPUS_PER_NODE}
  else
    PSAC_RANKS_PER_NODE=${PSAC_RANKS_PER_NODE:-32}
  fi
  whole --ranks-per-node "$PSAC_RANKS_PER_NODE" 1
  PSAC_TIME=${PSAC_TIME:-04:00:00}
  [[ $PSAC_TIME =~ ^([0-9]+-)?[0-9]+(:[0-9]{1,2}){0,2}$ ]] ||
    die "--time $PSAC_TIME is not a time limit, as 30, 4:00:00 or 1-12 are"
  PSAC_LAUNCHER=${PSAC_LAUNCHER:-srun}
  case $PSAC_LAUNCHER in srun | mpirun) ;; *) die "--launcher $PSAC_LAUNCHER is unknown; allowed: srun, mpirun" ;; esac
  PSAC_PROGRAM=$(absolute "${PSAC_PROGRAM:-$PSAC_ROOT/build/psac_dist}")
  if ! [ -f "$PSAC_PROGRAM" ] || ! [ -x "$PSAC_PROGRAM" ]; then
    die "--program $PSAC_PROGRAM is not a program; build it, or name another"
  fi
  PSAC_DATA=$(absolute "${PSAC_DATA:-$PSAC_ROOT/data/mnist}")
  [ -d "$PSAC_DATA" ] || die "--data $PSAC_DATA is not a folder; tools/get_mnist fetches one"
  export PSAC_ROOT PSAC_LAUNCHER PSAC_PROGRAM PSAC_DATA
}

# seconds LIMIT: of a time limit as sbatch has it: M, M:S, H:M:S, D-H, D-H:M, D-H:M:S.
seconds() {
  local days=0 rest=$1 part
  case $1 in *-*) days=${1%%-*} rest=${1#*-}:0:0 ;; esac
  IFS=: read -r -a part <<<"$rest"
  if [ "$rest" = "$1" ]; then
    case ${#part[@]} in 1) part=(0 "${part[0]}" 0) ;; 2) part=(0 "${part[@]}") ;; esac
  fi
  echo $(((10#$days * 24 + 10#${part[0]}) * 3600 + 10#${part[1]} * 60 + 10#${part[2]}))
}

absolute() {
  case $1 in /*) printf '%s' "$1" ;; *) printf '%s/%s' "$PWD" "$1" ;; esac
}

# shape_of_ranks RANKS: the sbatch options for so many ranks, in `shape`.
shape_of_ranks() {
  local on_node=$PSAC_RANKS_PER_NODE
  [ "$1" -ge "$on_node" ] || on_node=$1
  shape=(--nodes=$((($1 + PSAC_RANKS_PER_NODE - 1) / PSAC_RANKS_PER_NODE)) --ntasks="$1" --ntasks-per-node="$on_node")
  if [ "$PSAC_GPUS_PER_NODE" -gt 0 ]; then
    shape+=(--gpus-per-node=$((on_node < PSAC_GPUS_PER_NODE ? on_node : PSAC_GPUS_PER_NODE)))
  fi
  shape+=(--time="$PSAC_TIME")
  [ -z "${PSAC_PARTITION:-}" ] || shape+=(--partition="$PSAC_PARTITION")
  [ -z "${PSAC_ACCOUNT:-}" ] || shape+=(--account="$PSAC_ACCOUNT")
  shape+=("${extra_sbatch[@]}")
}

# submit ARGUMENT...: sbatch, or a print of it; the number of the job is left in `job`, those of all in `submitted`. A
# study without all of its jobs is none: a refusal ends those that were submitted before.
submitted=()
submit() {
  if [ -n "$dry_run" ]; then
    printf 'sbatch'
    printf ' %q' "$@"
    printf '\n'
    job=$((${job:-0} + 1))
  elif ! job=$(sbatch --parsable "$@"); then
    [ ${#submitted[@]} = 0 ] || scancel "${submitted[@]}"
    printf '%s: sbatch refused the job%s\n' "$script" "${submitted:+; cancelled: ${submitted[*]}}" >&2
    exit 1
  fi
  job=${job%%;*}  # a cluster's name may follow
  submitted+=("$job")
}
