// Receivers that other people wrote for Docker Hub act on what we post, unchanged.
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createFactsLoader } from '../../src/events/payload/load-facts.ts'
import { renderDelivery } from '../../src/events/payload/render.ts'
import { attestedImage, spdx } from '../events/payload/attested-images.ts'
import { lastEvent, mirrorReleases } from '../events/payload/releases.ts'
import { type MirrorInstance, openMirrorInstance } from '../mirror/mirror-instance.ts'
import { describeWithClients } from '../support/clients.ts'
import {
  havePythonReceiver,
  startCallbacks,
  startPythonReceiver,
  startWebhookProgram,
} from '../support/hook-receivers.ts'

setDefaultTimeout(60_000)

let instance: MirrorInstance
let moved: (callbackUrl?: string) => Promise<{ body: string; headers: Record<string, string> }>
beforeAll(async () => {
  instance = await openMirrorInstance()
  const [one, two] = [spdx('1.0'), spdx('2.0')].map((sbom, i) => attestedImage(`${i}`, [{ form: 'referrer', ...sbom }]))
  if (one === undefined || two === undefined) throw new Error('no images')
  await mirrorReleases(instance, 'app', [one, two])
  const loader = createFactsLoader(instance)
  const event = await lastEvent(instance, 'tag.moved', '1')
  moved = async (callbackUrl) => {
    const facts = await loader.load(event, { publicUrl: 'https://kagami.example', callbackUrl })
    expect(facts.metadata.size).toBe(1)
    const { body, headers } = renderDelivery(event, facts, 'hub')
    return { body, headers: { ...headers } }
  }
})
afterAll(() => instance.close())

const post = (url: string, { body, headers }: { body: string; headers: Record<string, string> }) =>
  fetch(url, { method: 'POST', body, headers })

describeWithClients(['webhook'], 'webhook (Go), with rules over the fields of Docker Hub', () => {
  const hooks = (owner: string) =>
    JSON.stringify([
      {
        id: 'deploy',
        'execute-command': '/bin/echo',
        'include-command-output-in-response': true,
        'pass-arguments-to-command': [
          'repository.repo_name',
          'push_data.tag',
          'push_data.pusher',
          'push_data.pushed_at',
          'repository.date_created',
          'repository.is_private',
          'repository.star_count',
          'callback_url',
        ].map((name) => ({ source: 'payload', name })),
        'trigger-rule': {
          and: [
            { match: { type: 'value', value: owner, parameter: { source: 'payload', name: 'repository.owner' } } },
            { match: { type: 'value', value: 'Active', parameter: { source: 'payload', name: 'repository.status' } } },
            { match: { type: 'regex', regex: '^[0-9.]+$', parameter: { source: 'payload', name: 'push_data.tag' } } },
          ],
        },
        'trigger-rule-mismatch-http-response-code': 403,
      },
    ])

  test('runs its command with what it was told', async () => {
    const receiver = await startWebhookProgram(hooks('acme'))
    try {
      const sent = await moved('https://kagami.example/callback')
      const { push_data, repository } = JSON.parse(sent.body)
      const answer = await post(`${receiver.url}/deploy`, sent)
      expect([answer.status, (await answer.text()).trim()]).toEqual([
        200,
        `acme/dhi-app 1 mirror ${push_data.pushed_at} ${repository.date_created} true 0 https://kagami.example/callback`,
      ])
      // Seconds, not milliseconds, and of our time.
      expect(Math.abs(push_data.pushed_at - Date.now() / 1000)).toBeLessThan(3600)
    } finally {
      await receiver.stop()
    }
  })

  test('does nothing for another owner', async () => {
    const receiver = await startWebhookProgram(hooks('other'))
    try {
      expect((await post(`${receiver.url}/deploy`, await moved())).status).toBe(403)
    } finally {
      await receiver.stop()
    }
  })
})

const describeWithPython = havePythonReceiver ? describe : describe.skip
if (!havePythonReceiver) console.warn('\n*** SKIPPED, NO PYTHON RECEIVER (run scripts/install-test-receiver)\n')

describeWithPython('dockerhub-webhook (Python), which runs a command and calls back', () => {
  test('deploys, and tells the callback of the delivery', async () => {
    const callbacks = startCallbacks()
    const receiver = await startPythonReceiver('dhi-app', 'sh deploy.sh', 'k3y')
    try {
      writeFileSync(join(receiver.directory, 'deploy.sh'), 'echo done >> deployed')
      const answer = await post(receiver.url, await moved(callbacks.url))
      expect([answer.status, await answer.json()]).toEqual([
        200,
        { state: 'success', description: 'dhi-app deployed.' },
      ])
      expect(readFileSync(join(receiver.directory, 'deployed'), 'utf8')).toBe('done\n')
      expect(callbacks.got).toEqual([{ state: 'success', description: 'dhi-app deployed.' }])
    } finally {
      await receiver.stop()
      await callbacks.stop()
    }
  })

  test('tells the callback of what it does not know', async () => {
    const callbacks = startCallbacks()
    const receiver = await startPythonReceiver('another', 'sh deploy.sh', 'k3y')
    try {
      expect((await post(receiver.url, await moved(callbacks.url))).status).toBe(400)
      expect(callbacks.got).toEqual([{ state: 'error', description: 'Hook for dhi-app not found.' }])
      expect(existsSync(join(receiver.directory, 'deployed'))).toBe(false)
    } finally {
      await receiver.stop()
      await callbacks.stop()
    }
  })
})
