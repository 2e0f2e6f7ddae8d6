import { describe, expect, test } from 'bun:test'
import { formatPlace, parsePlace } from '../../src/copy/place.ts'

const HEX = 'a'.repeat(64)

describe('places', () => {
  test('are read as other programs read images, and written one way', () => {
    const read = {
      alpine: 'docker://docker.io/library/alpine',
      'alpine:3': 'docker://docker.io/library/alpine:3',
      'acme/app:1.0': 'docker://docker.io/acme/app:1.0',
      'docker://index.docker.io/acme/app:1': 'docker://docker.io/acme/app:1',
      'localhost/app:1': 'docker://localhost/app:1',
      'localhost:5000/a/b': 'docker://localhost:5000/a/b',
      '[::1]:5000/app:1': 'docker://[::1]:5000/app:1',
      [`r.example/app:1@sha256:${HEX}`]: `docker://r.example/app@sha256:${HEX}`,
      'oci:folder': 'oci:folder',
      'oci:/a:b/c': 'oci:/a:b/c',
      'oci:./x:1.0': 'oci:./x:1.0',
      [`tar:x.tar@sha256:${HEX}`]: `tar:x.tar@sha256:${HEX}`,
    }
    for (const [text, want] of Object.entries(read)) expect(formatPlace(parsePlace(text))).toBe(want)
  })

  test('that are none are refused with what is wanted', () => {
    const refused: Readonly<Record<string, RegExp>> = {
      '': /want docker:/,
      'r.example/': /want docker:/,
      'r.example/App:1': /repository name/,
      'r.example/app:a b': /want docker:/,
      'r.example/app:-x': /tag/,
      'r.example/app@sha256:12': /digest/,
      'user:secret@r.example/app:1': /credentials/,
      'https://r.example/app:1': /--plain-http/,
      'docker-archive:/x.tar': /tar:FILE/,
      'ocidir://x': /oci:FOLDER/,
      'containers-storage://x': /want docker:/,
      'oci:': /FOLDER:TAG/,
      'oci:x:': /no tag/,
      'tar:x.tar@sha256:zz': /digest is not valid/,
    }
    for (const [text, message] of Object.entries(refused)) expect(() => parsePlace(text)).toThrow(message)
    expect(() => parsePlace('user:secret@r.example/app:1')).not.toThrow(/secret/)
  })
})
