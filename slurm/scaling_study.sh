#!/usr/bin/env bash
# A scaling study as Slurm jobs: see usage below and docs/clusters.md.
set -euo pipefail
script=scaling_study.sh

usage() {
  cat <<'END'
usage: slurm/scaling_study.sh --out FOLDER [OPTION]... [-- PSAC_DIST_ARGUMENT...]

Submits the measurements of a study: a job array over networks x numbers of ranks x repeats, each task one
`psac_dist scaling` that adds its row to FOLDER; then one job that waits for all of them and draws the report.

All tasks of a Slurm array ask for the same nodes, so each asks for what the largest number of ranks takes, and leaves
idle what its own does not use. --arrays per-ranks submits an array for each number of ranks instead: more jobs,
nothing idle.

  --out FOLDER         folder of the study; several studies may share one         PSAC_OUT
  --study FILE         study file, or the name of a built-in one                  PSAC_STUDY          [scaling]
  --only WHAT          one section of the study, or one case                      PSAC_ONLY           [all]
  --ranks LIST         numbers of ranks, as in 1,2,4,8, in place of the study's   PSAC_RANKS
  --repeats N          measurements of each network, in place of the study's      PSAC_REPEATS
  --at-once N          tasks of an array that run at the same time at most        PSAC_AT_ONCE
                       [as the cluster likes]
  --arrays KIND        one, or per-ranks: an array for each number of ranks,      PSAC_ARRAYS         [one]
                       as large as that
END
  common_usage
}

# ---------------------------------------------------------------- on the cluster

start_job() {
  if ! [ -f "${PSAC_ROOT:-}/slurm/env.sh" ]; then
    echo "scaling_study.sh: is submitted by itself: slurm/scaling_study.sh --help" >&2
    exit 2
  fi
  # shellcheck source=slurm/env.sh
  . "$PSAC_ROOT/slurm/env.sh"
}

# task_name RANKS:CASE:REPEAT: how the log and the report call a measurement.
task_name() {
  local ranks case repeat
  IFS=: read -r ranks case repeat <<<"$1"
  printf 'case %s of %s on %s ranks, repeat %s' "$case" "$PSAC_STUDY" "$ranks" "$repeat"
}

# measure "RANKS:CASE:REPEAT ..." ARGUMENT...: one task of an array; the list names one measurement for each task.
measure() {
  local -a tasks
  read -r -a tasks <<<"$1"
  shift
  local ranks case repeat
  IFS=: read -r ranks case repeat <<<"${tasks[$SLURM_ARRAY_TASK_ID]}"
  echo "scaling_study.sh: job $SLURM_JOB_ID, $(task_name "$ranks:$case:$repeat"), on $SLURM_JOB_NODELIST"
  psac_launch "$ranks" "$PSAC_PROGRAM" scaling --study "$PSAC_STUDY" --only "$case:$repeat" \
    ${PSAC_REPEATS:+--repeats "$PSAC_REPEATS"} --data "$PSAC_DATA" --out "$PSAC_OUT" --progress lines "$@"
}

collect() {
  exec "$PSAC_ROOT/tools/psac_report" "$PSAC_OUT"
}

# ---------------------------------------------------------------- where jobs are submitted

read_own_option() {
  case $1 in
    --out) PSAC_OUT=$2 ;;
    --study) PSAC_STUDY=$2 ;;
    --only) PSAC_ONLY=$2 ;;
    --ranks) PSAC_RANKS=$2 ;;
    --repeats) PSAC_REPEATS=$2 ;;
    --at-once) PSAC_AT_ONCE=$2 ;;
    --arrays) PSAC_ARRAYS=$2 ;;
    *) return 1 ;;
  esac
}

settle_own_options() {
  [ -n "${PSAC_OUT:-}" ] || die "--out FOLDER is needed"
  PSAC_OUT=$(absolute "$PSAC_OUT")
  if [ -e "$PSAC_OUT" ] && ! [ -d "$PSAC_OUT" ]; then die "--out $PSAC_OUT is a file; a study is a folder"; fi
  PSAC_STUDY=${PSAC_STUDY:-scaling}
  if [ -f "$PSAC_STUDY" ]; then PSAC_STUDY=$(absolute "$PSAC_STUDY"); fi
  [ -z "${PSAC_AT_ONCE:-}" ] || whole --at-once "$PSAC_AT_ONCE" 1
  PSAC_ARRAYS=${PSAC_ARRAYS:-one}
  case $PSAC_ARRAYS in one | per-ranks) ;; *) die "--arrays $PSAC_ARRAYS is unknown; allowed: one, per-ranks" ;; esac
}

# The measurements as lines "RANKS:CASE:REPEAT", in the order of ranks; psac_dist knows the study file.
list_tasks() {
  local list number ranks repeats k
  list=$("$PSAC_PROGRAM" scaling --study "$PSAC_STUDY" ${PSAC_ONLY:+--only "$PSAC_ONLY"} \
    ${PSAC_REPEATS:+--repeats "$PSAC_REPEATS"} ${PSAC_RANKS:+--ranks "$PSAC_RANKS"} \
    --list "${program_arguments[@]}") || exit 2  # it has said why
  while read -r number _ ranks _ _ _ _ _ repeats; do
    for ((k = 1; k <= repeats; k++)); do echo "$ranks:$number:$k"; done
  done < <(tail -n +2 <<<"$list") | sort -u -n -t : -k 1,1 -k 2,2 -k 3,3
}

# submit_array NAME RANKS TASK...: one array, sized for so many ranks.
submit_array() {
  local name=$1 ranks=$2 array task
  shift 2
  array=0-$(($# - 1))${PSAC_AT_ONCE:+%$PSAC_AT_ONCE}
  shape_of_ranks "$ranks"
  submit --job-name="$name" --array="$array" --output="$PSAC_OUT/log/%x-%A_%a.out" "${shape[@]}" \
    "$PSAC_ROOT/slurm/scaling_study.sh" measure "$*" "${program_arguments[@]}"
  # Which measurement is which task, so that the report can name one that never started.
  [ -n "$dry_run" ] || for task; do task_name "$task"; echo; done >"$PSAC_OUT/log/$name-$job.tasks"
  echo "job array $job: measurements: $#, each with --ntasks=$ranks"
}

# An array for each number of ranks in `tasks`.
submit_arrays() {
  local ranks these
  while read -r ranks; do
    mapfile -t these < <(printf '%s\n' "${tasks[@]}" | grep "^$ranks:")
    submit_array "scaling-$ranks" "$ranks" "${these[@]}"
  done < <(printf '%s\n' "${tasks[@]%%:*}" | uniq)
}

submit_study() {
  PSAC_ROOT=$(CDPATH='' cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
  # shellcheck source=slurm/options.sh
  . "$PSAC_ROOT/slurm/options.sh"
  read_options read_own_option "$@"
  settle_common_options
  settle_own_options
  refuse_own --study --only --repeats --ranks --list --data --out --progress
  export PSAC_OUT PSAC_STUDY PSAC_REPEATS
  local tasks
  mapfile -t tasks < <(list_tasks)
  [ ${#tasks[@]} -gt 0 ] || exit 2
  [ -n "$dry_run" ] || mkdir -p "$PSAC_OUT/log" 2>/dev/null || die "--out $PSAC_OUT cannot be written to"
  if [ "$PSAC_ARRAYS" = one ]; then submit_array scaling "${tasks[-1]%%:*}" "${tasks[@]}"; else submit_arrays; fi
  # afterany: what could be measured is drawn even if a measurement failed.
  submit --job-name=scaling-report --dependency="afterany$(printf ':%s' "${submitted[@]}")" \
    --kill-on-invalid-dep=yes --ntasks=1 --time=30 --output="$PSAC_OUT/log/%x-%j.out" \
    ${PSAC_PARTITION:+--partition="$PSAC_PARTITION"} ${PSAC_ACCOUNT:+--account="$PSAC_ACCOUNT"} \
    "$PSAC_ROOT/slurm/scaling_study.sh" collect
  echo "job $job: report in $PSAC_OUT/report when they are done"
}

if [ "${0##*/}" = slurm_script ]; then  # so Slurm names its copy
  start_job
  "$@"
else
  submit_study "$@"
fi
