/** Small parts that every page is made of. */
import {
  ActionIcon,
  Alert,
  Button,
  Code,
  CopyButton,
  Group,
  Skeleton,
  Stack,
  Text,
  Title,
  Tooltip,
} from '@mantine/core'
import { useClipboard, useDocumentTitle } from '@mantine/hooks'
import { CheckIcon, CopyIcon } from '@primer/octicons-react'
import type { ReactNode } from 'react'
import { ApiError } from '../api/request.ts'
import { shortDigest } from '../format/sizes.ts'
import { exact, relative } from '../format/times.ts'
import { useSpeech } from '../text/language.tsx'
import { Said } from './said.tsx'
import { sayError } from './say.ts'

/** A page, with what it is for in one line under its title. */
export function Page(o: {
  readonly title: ReactNode
  /** In the title of the window; the title where it is text. */
  readonly name?: string
  readonly lead?: ReactNode
  readonly action?: ReactNode
  readonly children: ReactNode
}) {
  const name = o.name ?? (typeof o.title === 'string' ? o.title : undefined)
  useDocumentTitle(name === undefined ? 'Kagami' : `${name} · Kagami`)
  return (
    <Stack gap="md">
      <Group justify="space-between" align="flex-start" wrap="wrap">
        <div>
          <Title order={1} size="h3">
            {o.title}
          </Title>
          {o.lead === undefined ? null : <Text c="dimmed">{o.lead}</Text>}
        </div>
        {o.action}
      </Group>
      {o.children}
    </Stack>
  )
}

/** What went wrong, and what can be done about it. */
export function Failure({ error, retry }: { readonly error: unknown; readonly retry?: () => void }) {
  const speech = useSpeech()
  const { text } = speech
  const message = error instanceof ApiError || error instanceof Error ? error.message : String(error)
  const isOfPage = speech.said !== undefined && error instanceof ApiError && error.code === 'UNREACHABLE'
  return (
    <Alert color="red" variant="light" title={text.common.whatHappened} role="alert">
      <Stack gap="xs" align="flex-start">
        <Said words={sayError(error, speech)} message={isOfPage ? undefined : message} />
        {retry === undefined ? null : (
          <Button size="xs" variant="default" onClick={retry}>
            {text.common.retry}
          </Button>
        )}
      </Stack>
    </Alert>
  )
}

export function Rows({ count = 8 }: { readonly count?: number }) {
  const { text } = useSpeech()
  return (
    <Stack gap={6} role="status" aria-busy="true" aria-label={text.common.loading}>
      {Array.from({ length: count }, (_, row) => `row-${row}`).map((key) => (
        <Skeleton key={key} height={34} radius="sm" />
      ))}
    </Stack>
  )
}

export function Empty({ children }: { readonly children: ReactNode }) {
  return (
    <Text c="dimmed" ta="center" py="xl">
      {children}
    </Text>
  )
}

/** How long ago; when exactly, on hover. There is one in each row of long tables: nothing here but an element. */
export function Time({ at }: { readonly at: string }) {
  const { language } = useSpeech()
  return (
    <time dateTime={at} title={exact(at, language)}>
      {relative(at, Date.now(), language)}
    </time>
  )
}

/** Its first characters; the whole on hover, and copied by a click. */
export function Digest({ digest }: { readonly digest: string }) {
  const { text } = useSpeech()
  const { copied, copy } = useClipboard()
  return (
    <button
      type="button"
      className="digest"
      title={digest}
      onClick={() => copy(digest)}
      aria-label={`${shortDigest(digest)}: ${text.common.copy}`}
    >
      {shortDigest(digest)}
      {copied ? <CheckIcon size={12} aria-label={text.common.copied} /> : null}
    </button>
  )
}

/** A line to be run somewhere else. */
export function Command({ line }: { readonly line: string }) {
  const { text } = useSpeech()
  return (
    <Group gap="xs" wrap="nowrap">
      <Code block flex={1} style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
        {line}
      </Code>
      <CopyButton value={line}>
        {({ copied, copy }) => (
          <Tooltip label={copied ? text.common.copied : text.common.copy}>
            <ActionIcon variant="default" size="lg" onClick={copy} aria-label={`${text.common.copy}: ${line}`}>
              {copied ? <CheckIcon /> : <CopyIcon />}
            </ActionIcon>
          </Tooltip>
        )}
      </CopyButton>
    </Group>
  )
}
