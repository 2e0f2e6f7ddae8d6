import type { PlatformImage } from './images.ts'
import { releasedAt } from './releases.ts'

/** Predicate https://scout.docker.com/virus/v0.1: a report as text in base64. */
export function virusScan({ fileCount }: PlatformImage): object {
  const report = [
    'The sample holds no program; this report shows the shape of a real one.',
    '----------- SCAN SUMMARY -----------',
    `Scanned files: ${fileCount}`,
    'Infected files: 0',
    '',
  ].join('\n')
  return { scanner: { report: Buffer.from(report).toString('base64'), uri: 'pkg:generic/kagami-sample-scanner@1' } }
}

/** Predicate https://scout.docker.com/secrets/v0.1: the secrets that were found, none. */
export function secretScan(): object[] {
  return []
}

/** Predicate https://scout.docker.com/tests/v0.1 (CTRF): checks of what the image's own config and packages say. */
export function testReport({ definition }: PlatformImage): object {
  const isDev = definition.variant === 'dev'
  const hasShell = definition.packages.some(({ name }) => name === 'bash')
  const checks = [
    { name: isDev ? 'runs as root' : 'runs as nonroot', passed: definition.user === (isDev ? '0' : '65532') },
    { name: isDev ? 'has a shell' : 'has no shell', passed: hasShell === isDev },
    { name: `says version ${definition.version}`, passed: definition.exactTag.startsWith(definition.version) },
  ]
  const passed = checks.filter((check) => check.passed).length
  // CTRF counts UNIX time and durations in milliseconds.
  const start = releasedAt(definition.contentRelease).getTime()
  return {
    results: {
      tool: { name: 'kagami-sample', version: '1' },
      summary: {
        tests: checks.length,
        passed,
        failed: checks.length - passed,
        pending: 0,
        skipped: 0,
        other: 0,
        start,
        stop: start + checks.length,
      },
      tests: checks.map((check) => ({ name: check.name, status: check.passed ? 'passed' : 'failed', duration: 1 })),
    },
  }
}
