/** A worker: serves the registry on the port of its main process, over the same data, for as long as that lives. */

import { createHttpApp } from '../../http/app.ts'
import { trustedProxies } from '../../http/client-address.ts'
import { shrinkAtRest } from '../../lib/at-rest.ts'
import { createLogger } from '../../lib/logger.ts'
import { listen } from '../listener.ts'
import { measureProcess } from '../measure-process.ts'
import { createRegistryApps } from '../registry-app.ts'
import { openBeside } from './beside.ts'
import { handingOver } from './hand-over.ts'
import { type ToMain, toWorkerSchema, type WorkerStart } from './messages.ts'
import { createWorkerPasswords } from './worker-passwords.ts'
import { createWorkerTurns } from './worker-turns.ts'

/** @param send to the main process, which is at the other end of the pipe */
export function runWorker(send: (message: ToMain) => void): void {
  const turns = createWorkerTurns(send)
  const passwords = createWorkerPasswords(send)
  let serving: Promise<{ stop(): Promise<void> }> | undefined

  // A signal to all of them (Ctrl-C, a service manager) is for the main process, which says what is to be done.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => {})
  // Without it nobody keeps turns, and the next start wants the port.
  process.on('disconnect', () => process.exit(1))

  async function serve(start: WorkerStart) {
    const logger = createLogger(start.logLevel)
    const instance = await openBeside(start, { turns, checkPassword: passwords.check })
    const apps = createRegistryApps(instance, { publicUrl: start.publicUrl, logger, graceMs: start.graceMs })
    const isTrustedProxy = trustedProxies(start.trustedProxies)
    const app = createHttpApp({ ...apps, isReady: () => true, logger, isTrustedProxy })
    const keepsLengths = start.bucket?.isRedirecting === false
    const listener = listen(start.listen, 'KAGAMI_LISTEN', { isShared: true, keepsLengths })
    const knowsSession = start.database.engine === 'sqlite' ? instance.uploads.knows : undefined
    listener.serve(handingOver(app, { door: start.door, logger, knowsSession }))
    shrinkAtRest()
    send({ is: 'serving' })
    return {
      async stop() {
        await listener.stop()
        await instance.close()
      },
    }
  }

  process.on('message', (sent) => {
    const message = toWorkerSchema.parse(sent)
    switch (message.is) {
      case 'start':
        serving = serve(message.start)
        break
      case 'granted':
        turns.granted(message.id, message.isGranted)
        break
      case 'checked':
        passwords.checked(message.id, message.checked)
        break
      case 'measure': {
        const { residentBytes, heapBytes, cpuSeconds } = measureProcess()
        send({ is: 'measured', id: message.id, residentBytes, heapBytes, cpuSeconds })
        break
      }
      case 'stop':
        void Promise.resolve(serving)
          .then((one) => one?.stop())
          .finally(() => process.exit(0))
    }
  })
}
