// What each registry's webhook is understood as, and what is told of one that is nobody's.
import { describe, expect, test } from 'bun:test'
import fc from 'fast-check'
import { isAppError } from '../../../src/errors.ts'
import { hintsOf } from '../../../src/http/hooks/app.ts'
import { MAX_DELIVERY_BYTES, readDelivery } from '../../../src/http/hooks/read.ts'
import { type Payload, PUSHES, requestOf } from './payloads.ts'

const DIGEST = `sha256:${'c3'.repeat(32)}`

function read(payload: Payload) {
  return readDelivery(new Request('http://kagami.example/hooks/x', { method: 'POST', ...requestOf(payload) }))
}

const json = (body: unknown) => read({ body })
const refused = (body: unknown) => json(body).then(String, (error: Error) => error.message)

describe('a push is understood', () => {
  for (const [name, payload] of Object.entries(PUSHES)) {
    test(`of ${name}`, async () => {
      const delivery = await read(payload({ repository: 'team/app', tag: '3.13-alpine', digest: DIGEST }))
      const told = delivery.pushes[0]?.digest
      expect(delivery.pushes).toMatchObject([{ repository: 'team/app', tag: '3.13-alpine' }])
      expect([DIGEST, undefined]).toContain(told)
      expect(delivery.ignored.filter((one) => !one.startsWith('a blob of'))).toEqual([])
    })
  }

  test('of several resources, events and tags at once', async () => {
    const harbor = await json({
      type: 'PUSH_ARTIFACT',
      event_data: {
        resources: [
          { tag: '1', digest: DIGEST },
          { tag: '1.2', digest: DIGEST },
        ],
        repository: { repo_full_name: 'a/b' },
      },
    })
    expect(harbor.pushes.map(({ tag }) => String(tag))).toEqual(['1', '1.2'])
    const quay = await json({ repository: 'a/b', docker_url: 'quay.io/a/b', updated_tags: ['1', '1.2', 5, 'no tag'] })
    expect(quay.pushes.map(({ tag }) => String(tag))).toEqual(['1', '1.2'])
    expect(quay.ignored).toEqual(['"a/b": a tag that is no text', 'a/b: "no tag" is no tag'])
    const batch = await read({
      headers: { 'content-type': 'application/cloudevents-batch+json' },
      body: ['1', '2'].map((tag) => PUSHES['zot, structured']({ repository: 'a/b', tag }).body),
    })
    expect(batch.pushes.map(({ tag }) => String(tag))).toEqual(['1', '2'])
  })

  test('by digest alone: Harbor and zot put it where the tag stands, GitHub leaves the tag empty', async () => {
    for (const payload of [
      PUSHES.Harbor({ repository: 'a/b', tag: DIGEST, digest: DIGEST }),
      PUSHES['zot, structured']({ repository: 'a/b', tag: DIGEST, digest: DIGEST }),
      PUSHES['GitHub registry_package']({ repository: 'a/b', tag: '', digest: DIGEST }),
      {
        body: {
          events: [
            {
              action: 'push',
              target: { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: DIGEST, repository: 'a/b' },
            },
          ],
        },
      },
    ]) {
      expect((await read(payload)).pushes).toMatchObject([{ repository: 'a/b', tag: undefined, digest: DIGEST }])
    }
  })

  test('what is no push is taken and left alone, so that its sender does not send it for ever', async () => {
    const target = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: DIGEST, repository: 'a/b' }
    for (const [body, why] of [
      [{ type: 'DELETE_ARTIFACT', event_data: {} }, '"DELETE_ARTIFACT" is no push'],
      [{ events: [{ action: 'pull', target }] }, '"pull" of "a/b" is no push'],
      [{ events: [] }, 'it names nothing'],
      [{ zen: 'Design for failure.', hook_id: 1, hook: {} }, 'a ping: the address is right'],
      [
        { specversion: '1.0', type: 'zotregistry.image.deleted', data: {} },
        'an event of type "zotregistry.image.deleted" is no push',
      ],
      [
        { action: 'published', package: { name: 'x', package_type: 'npm', package_version: {} } },
        '"x" is no container image: its type is "npm"',
      ],
      [
        { repository: 'a/b', docker_url: 'quay.io/a/b', build_id: '1' },
        '"a/b": an event that names no updated tags is no push',
      ],
    ] as const) {
      expect(await json(body)).toMatchObject({ pushes: [], ignored: [why] })
    }
  })

  test('the data of a CloudEvent may be text, or encoded text', async () => {
    const data = JSON.stringify({ name: 'a/b', reference: '1' })
    const event = { specversion: '1.0', type: 'zotregistry.image.updated' }
    const push = { repository: 'a/b', tag: '1' }
    expect((await json({ ...event, data })).pushes).toMatchObject([push])
    expect((await json({ ...event, data_base64: btoa(data) })).pushes).toMatchObject([push])
    for (const broken of [{ data: '{' }, { data_base64: '!' }, { data: '5' }, {}]) {
      expect(await refused({ ...event, ...broken })).toContain('it names no repository')
    }
  })

  test('a push that does not say of what is of nobody; beside whole ones it is left alone', async () => {
    const whole = { action: 'push', target: { repository: 'a/b', tag: '1', digest: DIGEST } }
    const part = { action: 'push', target: { tag: '1' } }
    expect((await json({ events: [part, whole] })).pushes).toMatchObject([{ repository: 'a/b', tag: '1' }])
    for (const [body, why] of [
      [{ events: [part] }, 'a webhook of distribution for a push, but not a whole one: it names no repository'],
      [
        { push_data: { tag: '1' }, repository: {} },
        'Docker Hub for a push, but not a whole one: it names no repository',
      ],
      [{ push_data: {}, repository: { repo_name: 'a/b' } }, 'a/b: neither a tag nor a digest'],
      [{ type: 'PUSH_ARTIFACT', event_data: { repository: { name: 'b' } } }, '"b": no resource is named'],
      [{ specversion: '1.0', type: 'zotregistry.image.updated', data: { reference: '1' } }, 'it names no repository'],
    ] as const) {
      expect(await refused(body)).toContain(why)
    }
  })

  test('names that could be something else are no names', async () => {
    for (const name of ['http://10.0.0.1/x', '../../etc', 'a b', 'a/b:tag', 'A/b', '10.0.0.1:5000/x', 'a//b']) {
      const { pushes, ignored } = await json({ push_data: { tag: '1' }, repository: { repo_name: name } })
      expect([name, pushes, ignored.length]).toEqual([name, [], 1])
    }
    for (const tag of ['-x', 'a/b', 'a b', `${'x'.repeat(129)}`]) {
      const { pushes } = await json({ push_data: { tag }, repository: { repo_name: 'a/b' } })
      expect([tag, pushes]).toEqual([tag, []])
    }
  })
})

describe('what is refused, and how', () => {
  test('a payload of nobody is told what it has, and what is wanted', async () => {
    expect(await refused({ hello: 1, repository: 'a/b' })).toMatch(
      /^the body is of no registry that is known: it has "hello", "repository"; want a webhook of .*Docker Hub.*Harbor.*distribution.*GitHub.*Quay/,
    )
    expect(await refused({ specversion: '1.0', type: 'com.example.built', data: {} })).toStartWith(
      'the body is of no registry that is known: it is a CloudEvent of type "com.example.built"',
    )
    expect(await refused([])).toStartWith('the body is a list')
    expect(await refused(5)).toStartWith('the body is no object')
    expect(await refused({})).toContain('it is an empty object')
    expect(await read({ body: '{"a":' }).catch((error) => error.message)).toBe(
      'the body is not JSON, want the JSON of a webhook',
    )
    expect(await read({ body: '' }).catch((error) => error.message)).toBe(
      'the body is empty, want the JSON of a webhook',
    )
    const form = { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'a=b' }
    expect(await read(form).catch((error) => error.message)).toBe('the body is a form without a field payload')
  })

  test('depth, size and number are bounded', async () => {
    const deep = `${'{"a":'.repeat(65)}1${'}'.repeat(65)}`
    expect(await read({ body: deep }).catch((error) => error.message)).toContain('nests deeper than 64 levels')
    const large = await read({ body: ' '.repeat(MAX_DELIVERY_BYTES + 1) }).catch((error) => error.status)
    expect(large).toBe(413)
    const tags = Array.from({ length: 1001 }, (_, i) => `t${i}`)
    expect(await refused({ repository: 'a/b', docker_url: 'x', updated_tags: tags })).toContain('1001 pushes')
    const many = Object.fromEntries(tags.map((tag) => [tag, 1]))
    expect(await refused(many)).toContain('and 981 more')
  })

  test('whatever JSON comes, it is a delivery or INVALID_REQUEST', async () => {
    const keys = [
      'push_data',
      'repository',
      'events',
      'target',
      'type',
      'event_data',
      'package',
      'package_version',
      'specversion',
      'data',
      'updated_tags',
      'docker_url',
      'action',
      'name',
      'tag',
      'resources',
      'kagami',
      '__proto__',
    ]
    const { json: tree } = fc.letrec((tie) => ({
      json: fc.oneof(
        { maxDepth: 5 },
        fc.constantFrom(null, 1, '', 'push', 'a/b', '1.0', 'PUSH_ARTIFACT', 'published', DIGEST),
        fc.array(tie('json'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...keys), tie('json'), { maxKeys: 6 }),
      ),
    }))
    await fc.assert(
      fc.asyncProperty(tree, async (body) => {
        try {
          for (const { repository, tag } of (await json(body)).pushes) {
            expect(repository).toMatch(/^[a-z0-9._/-]+$/)
            if (tag !== undefined) expect(tag).toMatch(/^[\w.-]+$/)
          }
        } catch (error) {
          expect(isAppError(error, 'INVALID_REQUEST')).toBe(true)
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('which repository of the upstream it is', () => {
  const hints = async (url: string, repository: string, tags: readonly string[] = ['1']) => {
    const delivery = await json({ repository, docker_url: 'x', updated_tags: tags })
    return hintsOf(delivery, { url })
  }
  const names = async (url: string, repository: string) =>
    (await hints(url, repository)).hints.flatMap((one) => one.hint.repositories).map(String)

  test('the path of its address is a prefix, and Docker Hub has two names for what is official', async () => {
    expect(await names('https://registry.example', 'team/app')).toEqual(['team/app'])
    expect(await names('https://registry.example/team', 'team/app')).toEqual(['app'])
    expect(await names('https://registry.example/team', 'teams/app')).toEqual([])
    expect((await hints('https://registry.example/team', 'other/app')).ignored).toEqual([
      'other/app is not below /team, where this upstream begins',
    ])
    expect(await names('https://docker.io', 'library/alpine')).toEqual(['library/alpine', 'alpine'])
    expect(await names('https://docker.io', 'alpine')).toEqual(['library/alpine', 'alpine'])
    expect(await names('https://docker.io/library', 'library/alpine')).toEqual(['alpine'])
    expect(await names('https://docker.io', 'team/alpine')).toEqual(['team/alpine'])
    expect(await names('https://docker.io/team', 'team/alpine')).toEqual(['alpine'])
  })

  test('tags that hang on a digest point at what they hang on', async () => {
    const hex = 'd4'.repeat(32)
    const { hints: found } = await hints('https://registry.example', 'a/b', [
      '1',
      `sha256-${hex}`,
      `sha256-${hex}.sig`,
      '1',
    ])
    expect(found).toMatchObject([{ hint: { tags: ['1'], subjects: [`sha256:${hex}`], isWhole: false } }])
  })
})
