import { describe, expect, test } from 'bun:test'
import pino from 'pino'
import { AppError } from '../../../src/errors.ts'
import { renderError } from '../../../src/http/oci/errors.ts'
import { withHeaders } from '../../../src/http/oci/refusal.ts'

function render(error: unknown, method = 'GET') {
  const lines: string[] = []
  const logger = pino({ base: null }, { write: (line: string) => void lines.push(line) })
  const request = new Request('http://h/v2/a/b/manifests/v1', { method })
  return { response: renderError(error, request, logger), lines }
}

describe('Errors of /v2 (distribution-spec "Error Codes")', () => {
  test('an expected error is its code, message and detail, and is not logged', async () => {
    const { response, lines } = render(new AppError('BLOB_UNKNOWN', 'no such blob', { detail: { digest: 'x' } }))
    expect([response.status, response.headers.get('content-type')]).toEqual([404, 'application/json'])
    expect(await response.json()).toEqual({
      errors: [{ code: 'BLOB_UNKNOWN', message: 'blob unknown to registry: no such blob', detail: { digest: 'x' } }],
    })
    expect(lines).toEqual([])
  })

  test('a bug is 500 UNKNOWN with an id, logged once under it, and tells nothing', async () => {
    const { response, lines } = render(new Error('secret path /var/lib/x'))
    const { errors } = (await response.json()) as {
      errors: { code: string; message: string; detail: { requestId: string } }[]
    }
    expect([response.status, errors[0]?.code]).toEqual([500, 'UNKNOWN'])
    expect(JSON.stringify(errors)).not.toContain('secret')
    expect(lines.length).toBe(1)
    expect(lines[0]).toContain(errors[0]?.detail.requestId ?? 'nothing')
    expect(lines[0]).toContain('secret path')
  })

  test('a client that went away is never an error in the log', () => {
    for (const error of [new AppError('CANCELLED', 'gone'), new DOMException('gone', 'AbortError')]) {
      const { response, lines } = render(error)
      expect([response.status, lines.length]).toEqual([499, 0])
    }
  })

  test('HEAD has no body, 429 says how long to wait, a refusal brings its own headers', async () => {
    expect(await render(new AppError('NAME_UNKNOWN', 'x'), 'HEAD').response.text()).toBe('')
    const busy = new AppError('TOOMANYREQUESTS', 'slow down', { detail: { retryAfterSeconds: 2.1 } })
    expect(render(busy).response.headers.get('retry-after')).toBe('3')
    const range = withHeaders(new AppError('RANGE_INVALID', 'x'), { Range: '0-9' })
    expect([render(range).response.status, render(range).response.headers.get('range')]).toEqual([416, '0-9'])
  })
})
