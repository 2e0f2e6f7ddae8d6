/** What the main process and its workers tell each other, as JSON over the pipe that the system closes when either is gone. */
import { z } from 'zod'
import { checkedSchema } from './checked.ts'

/** What makes a process of this program a worker, beside the pipe: no verb of the command line. */
export const WORKER_ARGUMENT = '--worker-of-a-running-server'

/** Whose connection it was that a worker hands over a request of; believed at the door of the workers alone. */
export const PEER_HEADER = 'x-kagami-peer'

const workerStartSchema = z.object({
  directory: z.string(),
  database: z.discriminatedUnion('engine', [
    z.object({ engine: z.literal('sqlite'), path: z.string() }),
    z.object({ engine: z.literal('postgres'), url: z.string(), connections: z.number() }),
  ]),
  sealKey: z.string().optional(),
  bucket: z
    .object({
      bucket: z.string(),
      prefix: z.string(),
      endpoint: z.string(),
      region: z.string(),
      style: z.enum(['path', 'virtual']),
      keys: z
        .object({ accessKeyId: z.string(), secretAccessKey: z.string(), sessionToken: z.string().optional() })
        .optional(),
      isRedirecting: z.boolean(),
    })
    .optional(),
  listen: z.object({ host: z.string(), port: z.number() }),
  publicUrl: z.string().optional(),
  graceMs: z.number(),
  trustedProxies: z.array(z.string()).readonly(),
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']),
  /** The socket at which the main process takes what a worker does not serve. */
  door: z.string(),
})

/** The settings that a worker goes by: those of its main process, whatever has become of environment and file. */
export type WorkerStart = z.infer<typeof workerStartSchema>

export const toWorkerSchema = z.discriminatedUnion('is', [
  z.object({ is: z.literal('start'), start: workerStartSchema }),
  z.object({ is: z.literal('granted'), id: z.number(), isGranted: z.boolean() }),
  z.object({ is: z.literal('checked'), id: z.number(), checked: checkedSchema }),
  z.object({ is: z.literal('measure'), id: z.number() }),
  z.object({ is: z.literal('stop') }),
])
export type ToWorker = z.infer<typeof toWorkerSchema>

export const toMainSchema = z.discriminatedUnion('is', [
  z.object({ is: z.literal('serving') }),
  /** `id` tells the requests of one worker apart. */
  z.object({ is: z.literal('write'), id: z.number() }),
  z.object({ is: z.literal('claim'), id: z.number(), session: z.string() }),
  z.object({ is: z.literal('end'), id: z.number() }),
  z.object({ is: z.literal('password'), id: z.number(), login: z.string(), password: z.string(), network: z.string() }),
  z.object({
    is: z.literal('measured'),
    id: z.number(),
    residentBytes: z.number(),
    heapBytes: z.number(),
    cpuSeconds: z.number(),
  }),
])
export type ToMain = z.infer<typeof toMainSchema>
