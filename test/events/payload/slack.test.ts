// The message for people: what it says, and that nobody's text in it mentions anybody or becomes a link.
import { expect, test } from 'bun:test'
import fc from 'fast-check'
import { renderDelivery } from '../../../src/events/payload/render.ts'
import type { SlackMessage } from '../../../src/events/payload/slack.ts'
import { madeEvent, madeFacts, NEW } from './made-facts.ts'

function messageOf(
  ...[event, facts]: Parameters<typeof renderDelivery> extends [infer E, infer F, ...unknown[]] ? [E, F] : never
) {
  return JSON.parse(renderDelivery(event, facts, 'slack').body) as SlackMessage
}

function textsOf({ text, blocks }: SlackMessage): string[] {
  return [
    text,
    ...blocks.flatMap((block) =>
      block.type === 'section' ? [block.text.text] : block.elements.map((one) => one.text),
    ),
  ]
}

const changes = {
  vulnerabilities_fixed: [
    { cve_id: 'CVE-2026-91017', severity: 'high', package: 'glibc', fixed_in_version: '2.41-12' },
    { cve_id: 'CVE-2026-91230', severity: 'medium', package: 'openssl', fixed_in_version: '3.5.4' },
  ],
  packages_updated: [{ name: 'libc6', type: 'deb', old_version: '2.41-11', new_version: '2.41-12' }],
}

test('says what moved, from where to where, what changed, and where to look', () => {
  const facts = madeFacts({
    changes,
    movedWith: { tags: ['1', 'latest'], total: 2 },
    image: { mediaType: '', platforms: [{ platform: 'linux/amd64', digest: NEW }], referrers: [] },
  })
  expect(messageOf(madeEvent(), facts)).toEqual({
    text: '`acme/app:1.0` was updated and 2 other tags with it',
    blocks: [
      section('`acme/app:1.0` was updated and 2 other tags with it'),
      section(
        [
          '`sha256:aaaaaaaaaaaa` → `sha256:bbbbbbbbbbbb`',
          'Platforms: `linux/amd64`',
          '*2 vulnerabilities fixed*: `CVE-2026-91017 (high, glibc)`, `CVE-2026-91230 (medium, openssl)`',
          '*1 package updated*: `libc6 2.41-11 → 2.41-12`',
        ].join('\n'),
      ),
      {
        type: 'context',
        elements: [
          {
            type: 'mrkdwn',
            verbatim: true,
            text: '<https://kagami.example/api/v1/repositories/acme/app|Open the repository> · event `6f1c1f0e-6d0b-4d2a-9a51-5f4fbb1e7c55`',
          },
        ],
      },
    ],
  })
})

function section(text: string) {
  return { type: 'section' as const, text: { type: 'mrkdwn' as const, text, verbatim: true as const } }
}

test('says why a mirror rests', () => {
  const event = madeEvent({
    kind: 'mirror.paused',
    payload: { repository: 'acme/app', reason: 'upstream refuses <!channel>' },
  })
  const texts = textsOf(messageOf(event, madeFacts({ image: undefined, from: undefined })))
  expect(texts[0]).toBe('The mirror `acme/app` is paused')
  expect(texts[2]).toBe('Why: `upstream refuses &lt;!channel&gt;`')
})

/** What Slack and its like look at: what is outside of code. */
function outsideOfCode(text: string): string {
  const parts = text.split('`')
  expect([text, parts.length % 2]).toEqual([text, 1])
  return parts.filter((_, i) => i % 2 === 0).join(' ')
}

test('text of others stays in code, on its line, and opens no tag', () => {
  const evil = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(
      '`<!channel>',
      '@here',
      '<https://evil.example|click>',
      'evil.example',
      '```\n*x*',
      '&lt;!here&gt;',
      '\u202e<@U1>',
    ),
  )
  fc.assert(
    fc.property(evil, evil, evil, (tag, name, id) => {
      const event = madeEvent({ payload: { repository: `acme/${tag}`, tag, from: NEW, to: NEW, reason: name } })
      const facts = madeFacts({
        repository: {
          id: 'r',
          name: `acme/${name}`,
          description: '',
          isPrivate: true,
          isArchived: false,
          createdAt: undefined,
        },
        changes: { vulnerabilities_fixed: [{ cve_id: id, severity: tag, package: name, fixed_in_version: '' }] },
      })
      const link =
        /<https:\/\/kagami\.example\/api\/v1\/repositories\/acme\/[A-Za-z0-9%._~!*'()/-]*\|Open the repository>/
      for (const text of textsOf(messageOf(event, facts))) {
        const outside = outsideOfCode(text)
        expect(outside.replace(link, '')).toMatch(/^[A-Za-z0-9 .,:;*·→…\n]*$/)
        expect(text.replace(link, '')).not.toMatch(/[<>]/)
        expect(text.replace(link, '')).not.toMatch(/&(?!amp;|lt;|gt;)/)
      }
    }),
    { numRuns: 500 },
  )
})

test('is never longer than Slack takes', () => {
  const long = Array.from({ length: 300 }, (_, i) => ({
    name: `${i}${'x'.repeat(400)}`,
    type: 'deb',
    version: '1'.repeat(400),
  }))
  const facts = madeFacts({ changes: { packages_added: long, packages_removed: long } })
  const message = messageOf(madeEvent({ payload: { repository: 'acme/app', tag: 'x'.repeat(5000), to: NEW } }), facts)
  expect(message.blocks.length).toBeLessThanOrEqual(50)
  for (const text of textsOf(message)) expect(text.length).toBeLessThanOrEqual(3000)
})
