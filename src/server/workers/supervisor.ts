/** Starts the workers of a server, starts anew those that die, and ends them. */
import { join } from 'node:path'
import type { PasswordCheck } from '../../access/password-check.ts'
import { environment } from '../../config/environment.ts'
import type { Logger } from '../../lib/logger.ts'
import { checkedBy } from './checked.ts'
import { type ToMain, type ToWorker, toMainSchema, WORKER_ARGUMENT, type WorkerStart } from './messages.ts'
import type { TurnKeeper } from './turns.ts'

export interface WorkerMeasures {
  readonly residentBytes: number
  readonly heapBytes: number
  readonly cpuSeconds: number
}

export interface Workers {
  /** Of those that answer at once. */
  measure(): Promise<WorkerMeasures[]>
  /** Lets requests under way end for a moment; resolves when all are gone. */
  stop(): Promise<void>
}

export interface WorkersOptions {
  readonly count: number
  readonly start: WorkerStart
  readonly keeper: TurnKeeper
  readonly checkPassword: PasswordCheck
  readonly logger: Logger
}

const FIRST_PAUSE_MS = 100
const MAX_PAUSE_MS = 30_000
/** One that has served for so long did not die of how it was started. */
const STEADY_MS = 60_000
const MEASURE_PATIENCE_MS = 1000
/** Longer than a listener lets requests end. */
const STOP_PATIENCE_MS = 6000

/** Each stream of events that a worker hands over is a request of its own for as long as it is read: beyond 256 Bun would let the next ones wait. */
const WORKER_ENVIRONMENT = { BUN_CONFIG_MAX_HTTP_REQUESTS: '65535' }

interface Worker {
  readonly exited: Promise<unknown>
  measure(): Promise<WorkerMeasures | undefined>
  stop(): Promise<void>
}

export function startWorkers(o: WorkersOptions): Workers {
  const running = new Set<Worker>()
  const pauses = new Set<Timer>()
  let isStopping = false

  function run(pauseMs: number): void {
    const begunAt = performance.now()
    const worker = startWorker(o)
    running.add(worker)
    void worker.exited.then((status) => {
      running.delete(worker)
      if (isStopping) return
      const nextMs = performance.now() - begunAt > STEADY_MS ? FIRST_PAUSE_MS : pauseMs
      o.logger.error({ status, againInMs: nextMs }, 'a worker has ended and is started anew')
      const timer = setTimeout(() => {
        pauses.delete(timer)
        run(Math.min(nextMs * 2, MAX_PAUSE_MS))
      }, nextMs)
      pauses.add(timer)
    })
  }
  for (let left = o.count; left > 0; left--) run(FIRST_PAUSE_MS)

  return {
    async measure() {
      const measured = await Promise.all([...running].map((worker) => worker.measure()))
      return measured.filter((one) => one !== undefined)
    },
    async stop() {
      isStopping = true
      for (const timer of pauses) clearTimeout(timer)
      await Promise.all([...running].map((worker) => worker.stop()))
    },
  }
}

function startWorker({ start, keeper, checkPassword, logger }: WorkersOptions): Worker {
  const owner = {}
  const own = keeper.of(owner)
  const ends = new Map<number, () => void>()
  const measuring = new Map<number, (measured: WorkerMeasures) => void>()
  let lastMeasure = 0
  const child = Bun.spawn({
    cmd: workerCommand(),
    env: { ...environment, ...WORKER_ENVIRONMENT },
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'inherit',
    serialization: 'json',
    ipc: (sent) => {
      const read = toMainSchema.safeParse(sent)
      if (read.success) answer(read.data)
      else logger.error({ err: read.error }, 'a worker has said what nobody understands')
    },
    onExit: () => keeper.forget(owner),
  })
  const send = (message: ToWorker) => {
    try {
      child.send(message)
    } catch (error) {
      // Its end is told by `exited`.
      logger.debug({ err: error }, 'a worker could not be told')
    }
  }

  function grant(id: number, end: (() => void) | undefined): void {
    if (end !== undefined) ends.set(id, end)
    send({ is: 'granted', id, isGranted: end !== undefined })
  }

  function answer(message: ToMain): void {
    switch (message.is) {
      case 'serving':
        logger.debug({ pid: child.pid }, 'a worker serves')
        break
      case 'write':
        void own.write().then((end) => grant(message.id, end))
        break
      case 'claim':
        void own.claim(message.session).then((end) => grant(message.id, end))
        break
      case 'end':
        ends.get(message.id)?.()
        ends.delete(message.id)
        break
      case 'password':
        void checkedBy(checkPassword, message, logger).then((checked) =>
          send({ is: 'checked', id: message.id, checked }),
        )
        break
      case 'measured':
        measuring.get(message.id)?.(message)
    }
  }

  send({ is: 'start', start })
  return {
    exited: child.exited,
    measure: () =>
      new Promise((resolve) => {
        const id = ++lastMeasure
        const done = (measured?: WorkerMeasures) => {
          clearTimeout(timer)
          measuring.delete(id)
          resolve(measured)
        }
        const timer = setTimeout(done, MEASURE_PATIENCE_MS)
        measuring.set(id, done)
        void child.exited.then(() => done())
        send({ is: 'measure', id })
      }),
    async stop() {
      send({ is: 'stop' })
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_PATIENCE_MS)
      await child.exited
      clearTimeout(timer)
    },
  }
}

/** This program once more: the single executable, or the Bun that runs the clone, which loads nothing of the working directory. */
function workerCommand(): string[] {
  const isExecutable = import.meta.path.startsWith('/$bunfs/')
  if (isExecutable) return [process.execPath, WORKER_ARGUMENT]
  const root = join(import.meta.dir, '../../..')
  return [
    process.execPath,
    '--no-env-file',
    `--config=${join(root, 'scripts/bunfig.toml')}`,
    join(root, 'src/main.ts'),
    WORKER_ARGUMENT,
  ]
}
