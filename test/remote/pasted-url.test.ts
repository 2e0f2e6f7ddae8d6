import { describe, expect, test } from 'bun:test'
import { isAppError } from '../../src/errors.ts'
import { readUpstreamUrl } from '../../src/remote/pasted-url.ts'

const refusal = (text: string): string => {
  try {
    return `taken: ${readUpstreamUrl(text)}`
  } catch (error) {
    if (isAppError(error, 'INVALID_REQUEST')) return error.message
    throw error
  }
}

describe('a pasted address is the registry that it means, spelled one way', () => {
  const rows: [string, string][] = [
    ['https://host.example', 'https://host.example'],
    ['https://host.example/', 'https://host.example'],
    ['  https://host.example//  ', 'https://host.example'],
    ['HTTPS://Host.Example/project', 'https://host.example/project'],
    ['https://host.example/v2', 'https://host.example'],
    ['https://host.example/v2/', 'https://host.example'],
    ['https://host.example/v2/project', 'https://host.example/project'],
    ['https://host.example/v2/project/team/', 'https://host.example/project/team'],
    ['https://host.example//v2//project/', 'https://host.example/project'],
    ['https://host.example/v2/_catalog', 'https://host.example'],
    ['https://host.example/v2/_catalog?n=100', 'https://host.example'],
    ['https://host.example/v2/v2/project', 'https://host.example/v2/project'],
    ['https://host.example/v2project', 'https://host.example/v2project'],
    ['host.example/project', 'https://host.example/project'],
    ['host.example:5000/project/', 'https://host.example:5000/project'],
    ['https://host.example:443/project', 'https://host.example/project'],
    ['http://host.example:80', 'http://host.example'],
    ['localhost:5000', 'https://localhost:5000'],
    ['http://127.0.0.1:5000/v2/', 'http://127.0.0.1:5000'],
    ['http://[::1]:5000/v2/x', 'http://[::1]:5000/x'],
    ['docker://host.example/project', 'https://host.example/project'],
    ['oci://host.example/charts/', 'https://host.example/charts'],
    ['docker.io', 'https://docker.io'],
    ['https://registry-1.docker.io/v2/', 'https://docker.io'],
    ['index.docker.io/library', 'https://docker.io/library'],
    ['https://index.docker.io/v1/', 'https://docker.io'],
    ['index.docker.io/v1', 'https://docker.io'],
    ['https://registry.hub.docker.com/v2/', 'https://docker.io'],
    ['https://host.example/v1/', 'https://host.example/v1'],
  ]
  for (const [given, want] of rows) {
    test(given, () => {
      expect(readUpstreamUrl(given)).toBe(want)
      // What is kept and shown may be given again, unless its prefix itself begins with v2.
      if (!want.includes('/v2/')) expect(readUpstreamUrl(want)).toBe(want)
    })
  }
})

describe('what is no registry is refused with the registry to give instead', () => {
  const rows: [string, readonly string[]][] = [
    ['host.example/app:1.2', ['is an image', 'https://host.example ', 'mirror app']],
    ['docker://host.example:5000/team/app:latest', ['is an image', 'https://host.example:5000 ', 'mirror team/app']],
    ['https://host.example/v2/team/app:1', ['is an image', 'https://host.example ', 'mirror team/app']],
    [`host.example/app@sha256:${'a'.repeat(64)}`, ['is an image', 'https://host.example ']],
    ['docker pull host.example/app:1', ['is a command', 'https://host.example']],
    ['docker pull alpine:3', ['is a command', 'https://docker.io']],
    ['skopeo copy docker://host.example/app:1', ['is a command', 'https://host.example']],
    ['https://host.example/v2/team/app/tags/list', ['one repository', 'https://host.example']],
    ['https://host.example/v2/app/manifests/latest', ['one repository', 'https://host.example']],
    ['https://hub.docker.com/_/alpine', ['https://docker.io']],
    ['https://hub.docker.com/r/library/alpine', ['https://docker.io']],
    ['ftp://host.example', ['https://HOST']],
    ['https://host.example/Project', ['https://HOST']],
    ['https://host.example/x?y=1', ['https://HOST']],
    ['https://host.example:99999', ['https://HOST']],
    ['https://', ['https://HOST']],
    ['', ['https://HOST']],
    ['/v2/', ['https://HOST']],
  ]
  for (const [given, words] of rows) {
    test(given === '' ? '(nothing)' : given, () => {
      for (const word of words) expect(refusal(given)).toContain(word)
      expect(refusal(given)).toStartWith('url: ')
    })
  }

  test('a password in it is not shown', () => {
    for (const given of [
      'https://me:s3cret@host.example/app',
      'ftp://me:s3cret@host.example',
      'me:s3cret@host.example/x',
      'https://me:s3cret@host.example/Bad',
      'https://me:s3cret@host.example/v2/app/tags/list',
      'https://me:s3cret@host.example/app:1',
      'docker pull me:s3cret@host.example/app:1',
      'curl -u me:s3cret https://host.example/v2/',
    ]) {
      expect(refusal(given)).toStartWith('url: ')
      expect(refusal(given)).not.toContain('s3cret')
    }
  })
})
