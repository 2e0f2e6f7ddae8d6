// What a registry may make large or endless in its lists, and page sizes that it does not like.
import { describe, expect, test } from 'bun:test'
import { openRemoteRegistry } from '../../src/remote/remote-registry.ts'
import { openRemoteRepository } from '../../src/remote/remote-repository.ts'
import {
  type Answer,
  APP,
  collect,
  failed,
  image,
  loopbackNetwork,
  OCI_INDEX,
  scriptedRegistry,
} from './scripted-registry.ts'

const SUBJECT = image()
const MIB = 1024 * 1024

/** A body of `first`, then `part` again and again; `sent` tells how much of it was really taken. */
function flood(first: string, part: string, totalBytes = 100 * MIB) {
  const sent = { bytes: 0 }
  const encoder = new TextEncoder()
  const block = encoder.encode(part.repeat(Math.ceil((64 * 1024) / part.length)))
  const body = () => {
    let own = 0
    return new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(encoder.encode(first)),
      async pull(controller) {
        if (own > totalBytes) controller.close()
        else controller.enqueue(block)
        own += block.byteLength
        sent.bytes += block.byteLength
      },
    })
  }
  return { sent, body }
}

const lists = {
  tags: {
    field: 'tags',
    read: (url: string) => collect(openRemoteRepository(loopbackNetwork(), { url }, APP).listTags()),
  },
  catalog: {
    field: 'repositories',
    read: (url: string) => collect(openRemoteRegistry(loopbackNetwork(), { url }).listRepositories()),
  },
}

describe.each(['tags', 'catalog'] as const)('the %s list of a hostile registry', (kind) => {
  const { field, read } = lists[kind]

  test.each([
    ['nesting', `{"${field}":`, '['],
    ['nothing but brackets', '[', '['],
    ['one endless entry', `{"${field}":["`, 'a'],
    ['endless entries of no use', `{"${field}":[`, 'null,'],
  ])('%s ends it before much has come', async (_name, first, part) => {
    const { sent, body } = flood(first, part)
    await using registry = scriptedRegistry(() => new Response(body()))
    expect((await failed(read(registry.url))).code).toBe('UPSTREAM_INVALID')
    // What lies in the buffers of the sockets was sent too.
    expect(sent.bytes).toBeLessThan(60 * MIB)
  })

  test('white space and unknown members beyond 64 MiB a page end it', async () => {
    const { body } = flood(`{"x":"`, `${'a'.repeat(1000)}","y":"`)
    await using registry = scriptedRegistry(() => new Response(body()))
    expect((await failed(read(registry.url))).message).toContain(`more than ${64 * MIB} bytes in one page`)
  })

  test('endless pages of new entries end with how many there may be', async () => {
    let page = 0
    await using registry = scriptedRegistry(({ path }) => {
      const entries = Array.from({ length: 10_000 }, (_, i) => `e-${page}-${i}`)
      page++
      const link = `<${path.split('?')[0]}?page=${page}>; rel="next"`
      return Response.json({ [field]: entries }, { headers: { link } })
    })
    const error = await failed(read(registry.url))
    expect([error.code, error.message]).toEqual([
      'UPSTREAM_INVALID',
      expect.stringContaining('more than 250000 entries, want at most that'),
    ])
    expect(page).toBe(26)
  })

  test('endless pages without an entry of use end', async () => {
    let page = 0
    await using registry = scriptedRegistry(({ path }) =>
      Response.json(
        { [field]: [null, 7] },
        { headers: { link: `<${path.split('?')[0]}?page=${++page}>; rel="next"` } },
      ),
    )
    expect((await failed(read(registry.url))).message).toContain('pages in a row without one of use')
    expect(page).toBe(101)
  })

  test('a page of nothing of use does not end the list', async () => {
    await using registry = scriptedRegistry(({ path }) =>
      path.includes('page=2')
        ? Response.json({ [field]: ['last'] })
        : Response.json({ [field]: [null] }, { headers: { link: `<${path.split('?')[0]}?page=2>; rel="next"` } }),
    )
    expect(await read(registry.url)).toHaveLength(1)
  })

  test.each([1, 100])('100,000 entries in %i pages are a list', async (pages) => {
    const all = Array.from({ length: 100_000 }, (_, i) => `e${String(i).padStart(6, '0')}`)
    await using registry = scriptedRegistry(({ path }) => {
      const page = Number(/page=(\d+)/.exec(path)?.[1] ?? 0)
      const entries = all.slice((page * all.length) / pages, ((page + 1) * all.length) / pages)
      const link = `<${path.split('?')[0]}?page=${page + 1}>; rel="next"`
      return Response.json({ [field]: entries }, page + 1 < pages ? { headers: { link } } : {})
    })
    const found = (await read(registry.url)).map((one) => (typeof one === 'string' ? one : one.tag))
    expect(found.length).toBe(100_000)
    expect([found[0] as string, found.at(-1) as string]).toEqual(['e000000', 'e099999'])
  })

  test.each([400, 405, 406, 409, 413, 414, 416, 422])(
    '%i on pages of 1000 (limit 100): asked for pages of its own size',
    async (status) => {
      const all = Array.from({ length: 250 }, (_, i) => `e${String(i).padStart(3, '0')}`)
      await using registry = scriptedRegistry(({ path }, origin) => {
        const { searchParams, pathname } = new URL(path, origin)
        const n = searchParams.get('n')
        if (n !== null && Number(n) > 100) {
          return Response.json({ errors: [{ code: 'PAGINATION_NUMBER_INVALID' }] }, { status })
        }
        const rest = all.filter((entry) => entry > (searchParams.get('last') ?? ''))
        const link = `<${pathname}?n=100&last=${rest[99]}>; rel="next"`
        return Response.json({ [field]: rest.slice(0, 100) }, rest.length > 100 ? { headers: { link } } : {})
      })
      expect(await read(registry.url)).toHaveLength(250)
      expect(registry.lines().map((line) => line.split('?')[1])).toEqual([
        'n=1000',
        undefined,
        'n=100&last=e099',
        'n=100&last=e199',
      ])
    },
  )

  test('what is refused in any size is an error', async () => {
    await using registry = scriptedRegistry(() => new Response('no', { status: 400 }))
    expect((await failed(read(registry.url))).message).toContain('answered 400')
    expect(registry.asked).toHaveLength(2)
  })
})

describe('the referrers of a hostile registry', () => {
  const open = (answer: Answer) => {
    const registry = scriptedRegistry(answer)
    const reader = openRemoteRepository(loopbackNetwork(), { url: registry.url }, APP)
    const read = async () => {
      const list = await reader.listReferrers(SUBJECT.descriptor)
      return list === 'unchanged' ? [] : await collect(list.items)
    }
    return { registry, read }
  }
  const headers = { 'content-type': OCI_INDEX }

  test.each([
    ['nesting', '{"manifests":', '['],
    ['an annotation without end', '{"schemaVersion":2,"manifests":[{"annotations":{"a":"', 'a'],
    ['an entry without end', '{"schemaVersion":2,"manifests":[{"annotations":{"a":', '{}},{"b":'],
    ['entries of no use', '{"schemaVersion":2,"manifests":[', 'null,'],
    ['unknown members', '{"x":"', `${'a'.repeat(1000)}","y":"`],
  ])('%s ends the list before much has come', async (_name, first, part) => {
    const { sent, body } = flood(first, part)
    const { registry, read } = open(() => new Response(body(), { headers }))
    await using _ = registry
    expect((await failed(read())).code).toBe('UPSTREAM_INVALID')
    // What lies in the buffers of the sockets was sent too.
    expect(sent.bytes).toBeLessThan(60 * MIB)
  })

  test('endless pages end', async () => {
    let page = 0
    const { registry, read } = open(({ path }) => {
      const digests = Array.from({ length: 2000 }, (_, i) => `sha256:${String(page * 2000 + i).padStart(64, '0')}`)
      const manifests = digests.map((digest) => ({ mediaType: OCI_INDEX, digest, size: 1 }))
      const link = `<${path.split('?')[0]}?page=${++page}>; rel="next"`
      return new Response(JSON.stringify({ schemaVersion: 2, manifests }), { headers: { ...headers, link } })
    })
    await using _ = registry
    expect((await failed(read())).message).toMatch(/more than (50000 entries|33554432 bytes), want at most that/)
  })

  test('a first page that is empty and links to another is not the list', async () => {
    const { registry, read } = open(({ path }) => {
      const manifests = path.includes('page=2') ? [SUBJECT.descriptor] : []
      const link = `<${path.split('?')[0]}?page=2>; rel="next"`
      const more: Record<string, string> = manifests.length === 0 ? { link } : {}
      return new Response(JSON.stringify({ schemaVersion: 2, manifests }), { headers: { ...headers, ...more } })
    })
    await using _ = registry
    expect(await read()).toHaveLength(1)
  })
})
