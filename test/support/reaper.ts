// Ends what a test run started, however the run ends. `bun test` runs no exit handlers, and a killed run could not run any, so a
// small shell waits at a pipe for its end, which comes when the system closes the other side together with this process.
import { mkdtempSync, openSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

// Lines: `+ PID` a process group lives, `- PID` it has ended, `d PATH` a directory to remove at the end.
// The loop runs in a grandchild: Bun kills the children of a test that times out.
const loop = `
mkfifo "$1" || exit 1
( pids=' ' dirs=''
  nl='
'
  while read -r action value; do
    case $action in
      +) pids="$pids$value " ;;
      -) case $pids in *" $value "*) pids="\${pids%% $value *} \${pids#* $value }" ;; esac ;;
      d) dirs="$dirs$value$nl" ;;
    esac
  done
  for pid in $pids; do kill -s KILL -- "-$pid"; done
  sleep 0.2
  printf '%s' "$dirs" | while read -r dir; do rm -rf -- "$dir"; done
) >/dev/null 2>&1 <"$1" &
`

let pipe: number | undefined

function tell(line: string) {
  if (pipe === undefined) {
    const directory = mkdtempSync(join(tmpdir(), 'kagami-reaper-'))
    const path = join(directory, 'pipe')
    const run = Bun.spawnSync(['setsid', 'sh', '-c', loop, 'reaper', path])
    if (run.exitCode !== 0) throw new Error(`the reaper ended with ${run.exitCode}: ${run.stderr}`)
    // Blocks until the shell has opened its side; then nobody needs the name any more.
    pipe = openSync(path, 'w')
    rmSync(directory, { recursive: true })
  }
  writeSync(pipe, `${line}\n`)
}

/** The process group is killed when this process ends, unless `forgetGroup` is called before. */
export function reapGroup(pid: number): void {
  tell(`+ ${pid}`)
}

/** The group has ended; its number may be used again by others. */
export function forgetGroup(pid: number): void {
  tell(`- ${pid}`)
}

/** The directory is removed when this process ends. Temporary names are never used twice, so it may be removed earlier too. */
export function reapDirectory(path: string): void {
  tell(`d ${path}`)
}
