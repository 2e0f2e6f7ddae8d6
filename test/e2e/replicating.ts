// What an owner does with replications, over the management API of a server that tests may end and start again.
import type { Replication } from '../../src/api/replications.ts'
import type { Run } from '../../src/api/runs.ts'
import type { Kagami } from '../support/kagami.ts'

export interface Replicating {
  call<T>(method: string, path: string, body?: unknown): Promise<T>
  /** @param target `TARGET/REPOSITORY` */
  start(repository: string, target: string, settings?: object): Promise<Replication>
  show(id: string): Promise<Replication>
  sync(id: string, body?: object): Promise<Run>
  /** Until no run is under way. */
  settled(id: string): Promise<Replication>
}

/** @param kagami the server that is asked now */
export function replicating(kagami: () => Kagami): Replicating {
  async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const { url, owner } = kagami()
    const response = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Basic ${btoa(`${owner.username}:${owner.password}`)}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`)
    return JSON.parse(text) as T
  }
  const show = async (id: string) =>
    (await call<{ replication: Replication }>('GET', `/replications/acme/${id}`)).replication

  async function settled(id: string): Promise<Replication> {
    for (;;) {
      const shown = await show(id)
      if (shown.lastRun !== null && shown.lastRun.outcome !== 'running') return shown
      await Bun.sleep(20)
    }
  }

  return {
    call,
    show,
    settled,
    async start(repository, place, settings) {
      const [target = '', ...rest] = place.split('/')
      const body = { repository, target: { target, repository: rest.join('/') }, settings }
      return (await call<{ replication: Replication }>('POST', '/replications', body)).replication
    },
    async sync(id, body = {}) {
      const { run } = await call<{ run: Run }>('POST', `/replications/acme/${id}/sync`, body)
      for (;;) {
        const { run: now } = await call<{ run: Run }>('GET', `/replications/acme/${id}/runs/${run.id}`)
        if (now.outcome !== 'running') return now
        await Bun.sleep(20)
      }
    },
  }
}
