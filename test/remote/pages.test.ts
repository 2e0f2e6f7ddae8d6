import { describe, expect, test } from 'bun:test'
import { nextLink, type Page, walkPages } from '../../src/remote/pages.ts'
import { collect, failed } from './scripted-registry.ts'

const FIRST = new URL('https://registry.test/v2/app/tags/list?n=2')

/** Walks pages that `pages` gives by path and query. */
async function walk(pages: Record<string, { items: string[]; link?: string }>, o: { hasAfter?: boolean } = {}) {
  const asked: string[] = []
  const load = async (url: URL): Promise<Page<string>> => {
    asked.push(url.href.slice(FIRST.origin.length))
    const page = pages[url.href.slice(FIRST.origin.length)] ?? pages[url.href]
    if (page === undefined) throw new Error(`nobody has ${url.href}`)
    return { items: page.items, link: page.link === undefined ? null : `<${page.link}>; rel="next"` }
  }
  const after = (last: string) => new URL(`/v2/app/tags/list?n=2&last=${last}`, FIRST)
  const { hasAfter = true } = o
  const walked = walkPages(FIRST, load, { keyOf: (tag) => tag, what: 'tags', ...(hasAfter ? { after } : {}) })
  return { items: await collect(walked), asked }
}

const P1 = '/v2/app/tags/list?n=2'

describe('walking pages (distribution-spec "Listing Tags")', () => {
  test('a page without a link is the last one, full or not', async () => {
    expect(await walk({ [P1]: { items: ['a', 'b'] } })).toEqual({ items: ['a', 'b'], asked: [P1] })
  })

  test('links are followed though the page is not full, with whatever parameters they hold', async () => {
    const second = '/v2/app/tags/list?next_page=gAAAAABk%2Bopaque&n=2'
    const { items, asked } = await walk({ [P1]: { items: ['a'], link: second }, [second]: { items: ['b'] } })
    expect([items, asked]).toEqual([
      ['a', 'b'],
      [P1, second],
    ])
  })

  test('an absolute link and one relative to the request are the same', async () => {
    for (const link of ['https://registry.test/v2/app/tags/list?n=2&last=a', '?n=2&last=a', 'list?n=2&last=a']) {
      const { items } = await walk({ [P1]: { items: ['a'], link }, '/v2/app/tags/list?n=2&last=a': { items: ['b'] } })
      expect(items).toEqual(['a', 'b'])
    }
  })

  test.each([
    'https://evil.test/v2/app/tags/list?last=b',
    'http://registry.test/v2/app/tags/list?last=b',
    '/connector/v2/app/tags/list?last=b',
    'http://[',
  ])('a link to elsewhere (%s) is replaced by our own last', async (link) => {
    const { items, asked } = await walk({
      [P1]: { items: ['a', 'b'], link },
      '/v2/app/tags/list?n=2&last=b': { items: ['c'] },
    })
    expect([items, asked]).toEqual([
      ['a', 'b', 'c'],
      [P1, '/v2/app/tags/list?n=2&last=b'],
    ])
  })

  test('a link that counts in place of naming (Artifactory) brings nothing new and is replaced by our own last', async () => {
    const wrong = '/v2/app/tags/list?n=2&last=10000'
    const { items } = await walk({
      [P1]: { items: ['20', '21'], link: wrong },
      [wrong]: { items: ['20', '21'], link: wrong },
      '/v2/app/tags/list?n=2&last=21': { items: ['22'] },
    })
    expect(items).toEqual(['20', '21', '22'])
  })

  test('a link to a page that was read ends when our own last brings nothing new', async () => {
    const { items, asked } = await walk({
      [P1]: { items: ['a', 'b'], link: P1 },
      '/v2/app/tags/list?n=2&last=b': { items: ['a', 'b'], link: P1 },
    })
    expect([items, asked.length]).toEqual([['a', 'b'], 2])
  })

  test('an empty page ends the list whatever its link says', async () => {
    const second = '/v2/app/tags/list?n=2&last=b'
    expect(
      (
        await walk({
          [P1]: { items: ['a', 'b'], link: second },
          [second]: { items: [], link: '/v2/app/tags/list?n=2&last=c' },
        })
      ).items,
    ).toEqual(['a', 'b'])
  })

  test('without a `last` of our own a wrong link is an error: part of a list is not the list', async () => {
    for (const link of [P1, 'https://evil.test/x']) {
      const error = await failed(walk({ [P1]: { items: ['a'], link } }, { hasAfter: false }))
      expect([error.code, error.message]).toEqual(['UPSTREAM_INVALID', expect.stringContaining('the next page')])
    }
  })

  test('links without end are given up', async () => {
    let page = 0
    const load = async () => ({ items: [String(page)], link: `</v2/app/tags/list?page=${++page}>; rel="next"` })
    const error = await failed(collect(walkPages(FIRST, load, { keyOf: (tag) => tag, what: 'tags' })))
    expect(error.message).toContain('more than 10000 pages')
  })
})

test.each([
  ['</a>; rel="next"', '/a'],
  ['</a>;rel=next', '/a'],
  ['</p>; rel="prev", </a?x=1,2>; title="t"; rel="next last"', '/a?x=1,2'],
  ['</a>; rel="nextish"', undefined],
  ['/a; rel="next"', undefined],
  [null, undefined],
])('the next link of %j is %j (RFC 8288)', (header, want) => {
  expect(nextLink(header)).toBe(want as string)
})
