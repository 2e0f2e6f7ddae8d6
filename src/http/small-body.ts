import { HTTPException } from 'hono/http-exception'

/** The body of a request as text. @throws HTTPException 413 beyond `limitBytes`; the rest is not read */
export async function readSmallBody(request: Request, limitBytes: number): Promise<string> {
  const tooLarge = () => new HTTPException(413, { message: `the body is larger than ${limitBytes} bytes` })
  if (Number(request.headers.get('content-length') ?? 0) > limitBytes) throw tooLarge()
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength
    if (size > limitBytes) throw tooLarge()
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
