/** Turns of a worker: asked for at the main process. */
import type { ToMain } from './messages.ts'
import type { SharedTurns } from './turns.ts'

export interface WorkerTurns extends SharedTurns {
  /** What the main process has answered. */
  granted(id: number, isGranted: boolean): void
}

export function createWorkerTurns(send: (message: ToMain) => void): WorkerTurns {
  const waiting = new Map<number, (isGranted: boolean) => void>()
  let last = 0

  async function ask(toMessage: (id: number) => ToMain): Promise<(() => void) | undefined> {
    const id = ++last
    const { promise, resolve } = Promise.withResolvers<boolean>()
    waiting.set(id, resolve)
    send(toMessage(id))
    return (await promise) ? () => send({ is: 'end', id }) : undefined
  }

  return {
    async write() {
      const end = await ask((id) => ({ is: 'write', id }))
      if (end === undefined) throw new Error('a turn to write was refused')
      return end
    },
    claim: (session) => ask((id) => ({ is: 'claim', id, session })),
    granted(id, isGranted) {
      waiting.get(id)?.(isGranted)
      waiting.delete(id)
    },
  }
}
