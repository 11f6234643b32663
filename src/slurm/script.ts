/**
 * The text of the batch scripts. One job trains one run under srun, whose step gets Slurm's warnings. A run that was told
 * to stop has saved and ends with 75; then the job puts itself, and only its own element, back into the queue.
 */
import { printableLine } from "../lib/printable.ts";
import { commandLine, quote } from "./shell.ts";

export interface ScriptFacts {
  /** Of the sweep. */
  readonly title: string;
  /** The words of the sbatch call, to be read by people. */
  readonly command: readonly string[];
  readonly sweepDir: string;
  /** The folder of this submission. */
  readonly dir: string;
  /** How `hnorm` is called where the job runs. */
  readonly program: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly setup: readonly string[];
}

export interface RunScriptFacts extends ScriptFacts {
  readonly signalS: number;
  readonly maxRequeues: number;
  /** Whether an element takes one run after the other instead of the one on its line of the manifest. */
  readonly workers: boolean;
}

/** The script of a job that only reads what the others wrote. */
export const reportScript = (facts: ScriptFacts): string =>
  [...head(facts, "The report of"), REPORT, ""].join("\n");

export const runScript = (facts: RunScriptFacts): string =>
  [
    ...head(facts, facts.workers ? "A worker for" : "One run of"),
    `signal_s=${facts.signalS}`,
    `max_requeues=${facts.maxRequeues}`,
    FUNCTIONS + (facts.workers ? WORKER : ONE_RUN) + TRAIN,
  ].join("\n");

const head = ({ title, command, sweepDir, dir, program, env, setup }: ScriptFacts, what: string) => [
  "#!/bin/bash",
  comment(`${what} the sweep ${title}, written by hnorm. Submitted with:`),
  comment(`  ${commandLine(["sbatch", ...command])}`),
  "",
  `sweep=${quote(sweepDir)}`,
  `here=${quote(dir)}`,
  `hnorm=(${commandLine(program)})`,
  ...Object.entries(env).map(([name, value]) => `export ${name}=${quote(value)}`),
  ...(setup.length === 0 ? [] : ["", "# slurm.setup", ...setup]),
  "",
];

/** A line of the script that is no command, whatever is in it. */
const comment = (text: string): string => `# ${printableLine(text)}`;

/** The rest is bash: its own `${...}` is written with a backslash before it. */
const REPORT = `"\${hnorm[@]}" report "$sweep"
exec "\${hnorm[@]}" results "$sweep" --save`;

/** `me` is this element alone: the job id of an array's last element is that of the whole array. */
const FUNCTIONS = `
me=\${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
element=$SLURM_ARRAY_TASK_ID
log=$here/requeues/$element

say() { echo "hnorm: $(date -u +%FT%TZ) job $me on $(hostname): $*" >&2; }

cancelled() { [ -e "$here/cancelled" ] || [ -e "$here/cancelled.$element" ]; }

# Seconds until the time limit; nothing where there is none, or where nobody answers.
seconds_left() {
  local left
  left=$(squeue -h -j "$me" -o %L 2>/dev/null)
  [[ $left =~ ^(([0-9]+)-)?(([0-9]+):)?([0-9]+):([0-9]+)$ ]] || return
  local d=\${BASH_REMATCH[2]} h=\${BASH_REMATCH[4]} m=\${BASH_REMATCH[5]} s=\${BASH_REMATCH[6]}
  echo $((((10#0$d * 24 + 10#0$h) * 60 + 10#$m) * 60 + 10#$s))
}

# Slurm's own warning may come up to a minute early or late. This one is exact, and heeds a limit that was moved.
warn_in_time() {
  local left until
  while left=$(seconds_left) && [ -n "$left" ]; do
    if ((left <= signal_s)); then
      kill -USR2 "$srun"
      return
    fi
    until=$((SECONDS + left - signal_s))
    while ((SECONDS < until)); do
      sleep $((until - SECONDS < 60 ? until - SECONDS : 60))
    done
  done
}

# Steps the run has done, as its status says; a worker goes from run to run and has no such number.
steps_done() {
  [ -z "$run" ] && return
  sed -n 's/^ *"step": *\\([0-9][0-9]*\\).*/\\1/p' "$sweep/$run/status.json" 2>/dev/null | head -n 1
}

# One field of what the controller says of this element.
field() { sed -n "s/.*[[:space:]]$1=\\([^[:space:]]*\\).*/\\1/p" <<<" $about"; }

# Back into the queue, unless someone wants this job gone or it gets nowhere.
requeue() {
  local about state preempted try steps noted
  for ((try = 0; try < 40; try++)); do
    if cancelled; then
      say "saved; cancelled, so it is not requeued"
      exit 75
    fi
    about=$(scontrol -o show job "$me" 2>/dev/null | head -n 1)
    state=$(field JobState)/$(field Reason)
    preempted=$(field PreemptTime)
    case $state in
      RUNNING/* | COMPLETING/TimeLimit)
        if [ -z "$noted" ]; then
          steps=$(steps_done)
          allowed "$steps" "\${preempted:=None}" || exit 3
          # Noted before, since Slurm ends this script at once.
          noted="$(date -u +%FT%TZ) preempted=$preempted steps=$steps"
          echo "$noted" >>"$log"
          say "saved\${steps:+ after $steps steps}; requeueing"
        fi
        if scontrol requeue "$me"; then
          sleep 600 # until Slurm ends this job, so that it is not taken for a finished one
          exit 75
        fi
        ;;
      /*) say "the controller does not respond; retrying" ;;
      *) # Slurm is ending this job for a reason of its own: a cancelled one must not come back.
        say "saved; Slurm is ending this job ($state)"
        sleep 60
        exit 75
        ;;
    esac
    sleep 15
  done
  say "saved, but the controller accepted no requeue; rerun hnorm sweep to submit it again"
  exit 75
}

# Whether it may go back once more. Preemptions are not counted: they are not the run's fault.
allowed() {
  [ "$2" = None ] || return 0
  local own
  own=$(grep -c 'preempted=None' "$log" 2>/dev/null)
  if ((own >= max_requeues)); then
    say "saved; requeued \${own:-0} times already (slurm.max_requeues); rerun hnorm sweep to submit it again"
    return 1
  fi
  [ -n "$run" ] && ((own >= 3)) || return 0
  [ "$(grep 'preempted=None' "$log" | tail -n 3 | grep -c "steps=$1$")" = 3 ] || return 0
  say "no progress in the last three attempts, so it is not requeued; see the logs beside $here"
  return 1
}
`;

const ONE_RUN = `
mapfile -t manifest <"$here/manifest.txt"
run=\${manifest[$element]}
if [ -z "$run" ]; then
  say "manifest.txt has no run for array task $element"
  exit 2
fi
task=(worker --sweep "$sweep" --run "$run")
`;

const WORKER = `
run=
task=(worker --sweep "$sweep")
`;

const TRAIN = `
if cancelled; then
  say "cancelled; not started"
  exit 0
fi
# What had failed for good is tried once more, but not by every attempt of this job.
((\${SLURM_RESTART_COUNT:-0} > 0)) || task+=(--retry-failed)
say "attempt $((\${SLURM_RESTART_COUNT:-0} + 1)) of \${run:-a worker}"
# From 22.05 on srun takes this from nowhere else.
[ -z "$SLURM_CPUS_PER_TASK" ] || export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK
srun --nodes=1 --ntasks=1 --unbuffered --input=none "\${hnorm[@]}" "\${task[@]}" &
srun=$!
# Signals that reach this shell: it has to live until the run has saved.
trap 'signalled=yes' TERM
trap 'signalled=yes; kill -USR2 "$srun" 2>/dev/null' USR2
warn_in_time >/dev/null 2>&1 &
watch=$!
while
  signalled=
  wait "$srun"
  code=$?
  [ -n "$signalled" ]
do :; done
kill "$watch" 2>/dev/null
case $code in
  75 | 140 | 143) requeue ;; # 140, 143: told to stop by USR2 or TERM before it could listen
esac
exit "$code"
`;
