/** Why a mirror is behind, rests or is at its end, cause by cause; and what ends that, by a button where the page can. */
import { Alert, Button, Stack, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { Link } from '@tanstack/react-router'
import type { RepositoryRight } from '../../api/access.ts'
import type { Mirror } from '../../api/mirrors.ts'
import type { RepositoryDetail } from '../../api/repositories.ts'
import { useChange } from '../api/client.ts'
import { actOnMirror } from '../api/mirrors.ts'
import { VisibilityDialog } from '../repositories/visibility-dialog.tsx'
import { Failure, Time } from '../shell/parts.tsx'
import { repositoryPlace } from '../shell/repository-link.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'
import { isShrunk, ServerWords, standingOf, whyOf } from './why.tsx'

type Cause = Mirror['pauses'][number]['cause']

interface Props {
  /** Undefined: one may not see it. */
  readonly repository: RepositoryDetail | undefined
  readonly mirror: Mirror
  readonly allowed: ReadonlySet<RepositoryRight>
}

/** Of these the server tells what upstream or the store said besides. */
const WITH_DETAIL: ReadonlySet<Cause> = new Set(['quota', 'credentials', 'gone'])

export function Reason(o: Props) {
  const { text, language } = useSpeech()
  const { mirror, allowed } = o
  if (mirror.state !== 'stopped' && mirror.pauses.length > 0) {
    return mirror.pauses.map(({ cause, reason, since }) => (
      <Alert key={cause} color="gray" variant="light" title={text.mirrors.causes[cause]}>
        <Stack gap="xs" align="flex-start">
          <Text size="sm">
            {text.mirrors.ends[cause]} (<Time at={since} />)
          </Text>
          {WITH_DETAIL.has(cause) ? <ServerWords>{reason}</ServerWords> : null}
          <Remedy cause={cause} {...o} />
        </Stack>
      </Alert>
    ))
  }
  const isRefused = mirror.state === 'degraded' && isShrunk(mirror)
  const why = isRefused ? text.mirrors.why.shrunk : whyOf(standingOf(mirror), text, language)
  if (why === undefined) return null
  const isWrong = mirror.state === 'degraded' || mirror.freshness.missedSince !== null
  return (
    <Alert color={isWrong ? 'orange' : 'gray'} variant="light">
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{why}</Text>
        {mirror.state === 'degraded' && mirror.reason !== null ? <ServerWords>{mirror.reason}</ServerWords> : null}
        {isRefused && allowed.has('mirror.sync') ? <AcceptShrink mirror={mirror} /> : null}
      </Stack>
    </Alert>
  )
}

function AcceptShrink({ mirror }: { readonly mirror: Mirror }) {
  const { text } = useSpeech()
  const tell = useTell()
  const accept = useChange(
    () => actOnMirror(mirror.repository, 'sync', { acceptShrink: true }),
    () => tell(text.mirrors.syncing),
  )
  return (
    <>
      <Button size="xs" variant="default" loading={accept.isPending} onClick={() => accept.mutate(undefined)}>
        {text.mirrors.acceptShrink}
      </Button>
      {accept.isError ? <Failure error={accept.error} /> : null}
    </>
  )
}

function Remedy({ cause, repository, mirror, allowed }: Props & { readonly cause: Cause }) {
  const { text } = useSpeech()
  const { organization } = mirror
  // It stands among the mirror's own buttons.
  if (cause === 'hand') return null
  if (cause === 'public') {
    return repository === undefined || !allowed.has('admin') ? null : (
      <MakePrivate repository={repository} mirror={mirror} />
    )
  }
  if (cause === 'archived') {
    return allowed.has('admin') ? (
      <Button
        size="xs"
        variant="default"
        renderRoot={(props) => (
          <Link
            {...props}
            to="/o/$organization/repository/$"
            params={repositoryPlace(mirror.repository)}
            search={{ tab: 'settings' }}
          />
        )}
      >
        {text.mirrors.openSettings}
      </Button>
    ) : null
  }
  if (!allowed.has('mirror.start')) return null
  return (
    <>
      {cause === 'credentials' ? (
        <Button
          size="xs"
          variant="default"
          renderRoot={(props) => (
            <Link
              {...props}
              to="/o/$organization/settings"
              params={{ organization }}
              search={{ section: 'upstreams', of: mirror.source.upstream }}
            />
          )}
        >
          {text.mirrors.openUpstreams}
        </Button>
      ) : null}
      <TryAgain mirror={mirror} />
    </>
  )
}

function MakePrivate({ repository, mirror }: { readonly repository: RepositoryDetail; readonly mirror: Mirror }) {
  const { text } = useSpeech()
  const [isOpen, dialog] = useDisclosure()
  return (
    <>
      <Button size="xs" variant="default" onClick={dialog.open}>
        {text.settings.makePrivate}
      </Button>
      {isOpen ? <VisibilityDialog repository={repository} mirror={mirror} onClose={dialog.close} /> : null}
    </>
  )
}

function TryAgain({ mirror }: { readonly mirror: Mirror }) {
  const { text } = useSpeech()
  const tell = useTell()
  const again = useChange(
    () => actOnMirror(mirror.repository, 'resume'),
    () => tell(text.mirrors.resumed),
  )
  return (
    <>
      <Button size="xs" variant="default" loading={again.isPending} onClick={() => again.mutate(undefined)}>
        {text.common.retry}
      </Button>
      {again.isError ? <Failure error={again.error} /> : null}
    </>
  )
}
