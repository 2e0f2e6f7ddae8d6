/** What is wrong, why, and what ends it. */
import { Anchor, Button, Code, Group, Stack, Text } from '@mantine/core'
import { AlertIcon, DatabaseIcon, type Icon, PauseIcon } from '@primer/octicons-react'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { MirrorGlance, Trouble } from '../../api/glance.ts'
import { useChange } from '../api/client.ts'
import { useTroubles } from '../api/home.ts'
import { actOnMirror } from '../api/mirrors.ts'
import { useOrganizations } from '../api/organizations.ts'
import { useAllowed } from '../api/repositories.ts'
import { bytes, number } from '../format/sizes.ts'
import { ServerWords, whyOf } from '../mirrors/why.tsx'
import { Failure, Time } from '../shell/parts.tsx'
import { RepositoryLink, repositoryPlace } from '../shell/repository-link.tsx'
import { Section } from '../shell/section.tsx'
import { Status, type Tone } from '../shell/status.tsx'
import { useTell } from '../shell/tell.ts'
import { useSpeech } from '../text/language.tsx'
import { type MirrorTrouble, signOf, troublesOf, wordOf } from './standing.ts'

const SHOWN = 8
/** Of the quota: so much taken is worth a word. */
const NEARLY_FULL = 0.9

export function Troubles({
  organization,
  mirrors,
}: {
  readonly organization: string
  readonly mirrors: readonly MirrorGlance[]
}) {
  const { text, language } = useSpeech()
  const others = useTroubles(organization).data ?? []
  const own = useOrganizations().data?.find(({ name }) => name === organization)
  const troubles = troublesOf(mirrors)
  const isFull = own?.quotaBytes != null && own.sizeBytes !== null && own.sizeBytes > own.quotaBytes * NEARLY_FULL
  const isWell = troubles.length === 0 && others.length === 0 && !isFull
  const rest = troubles.slice(SHOWN).reduce((sum, one) => sum + one.mirrors.length, 0)
  return (
    <Section title={text.home.wrongTitle}>
      {isWell ? <Text c="dimmed">{text.home.allWell}</Text> : null}
      <Stack gap="sm">
        {isFull ? (
          <Line name={text.home.quota} since={undefined} tone="held" icon={DatabaseIcon} word={text.home.nearlyFull}>
            {text.home.quotaOf(bytes(own.sizeBytes ?? 0, language), bytes(own.quotaBytes ?? 0, language))}
          </Line>
        ) : null}
        {others.slice(0, SHOWN).map((one) => (
          <Other key={`${one.kind} ${one.repository} ${one.name}`} organization={organization} trouble={one} />
        ))}
        {troubles.slice(0, SHOWN).map((one) => (
          <Row key={one.mirrors[0].repository} organization={organization} trouble={one} />
        ))}
      </Stack>
      {rest === 0 ? null : (
        <MirrorsLink organization={organization}>{text.home.more(number(rest, language))}</MirrorsLink>
      )}
    </Section>
  )
}

function Row({ organization, trouble }: { readonly organization: string; readonly trouble: MirrorTrouble }) {
  const { text, language } = useSpeech()
  const { mirrors } = trouble
  const [first] = mirrors
  const [tone, icon] = signOf(first)
  const name =
    mirrors.length === 1 ? (
      <RepositoryLink name={first.repository} tab="mirror" isShort />
    ) : (
      <MirrorsLink organization={organization}>
        {text.home.howMany(number(mirrors.length, language))} {text.home.ofUpstream(first.upstream)}
      </MirrorsLink>
    )
  return (
    <Line name={name} since={first.since} tone={tone} icon={icon} word={wordOf(first, text)}>
      {whyOf(first, text, language)}
      {first.state === 'degraded' && first.reason !== null ? <ServerWords>{first.reason}</ServerWords> : null}
      <Group gap="xs" mt={4}>
        {mirrors.length === 1 && first.causes.includes('hand') ? <Resume repository={first.repository} /> : null}
        <OpenMirror organization={organization} mirrors={mirrors} />
      </Group>
    </Line>
  )
}

function Resume({ repository }: { readonly repository: string }) {
  const { text } = useSpeech()
  const tell = useTell()
  const allowed = useAllowed(repository)
  const resume = useChange(
    () => actOnMirror(repository, 'resume'),
    () => tell(text.mirrors.resumed),
  )
  if (!allowed.has('mirror.start')) return null
  return (
    <>
      <Button size="compact-xs" variant="default" loading={resume.isPending} onClick={() => resume.mutate(undefined)}>
        {text.mirrors.resume}
      </Button>
      {resume.isError ? <Failure error={resume.error} /> : null}
    </>
  )
}

/** To where it is ended: the mirror, or all of them. */
function OpenMirror({ organization, mirrors }: { readonly organization: string } & Pick<MirrorTrouble, 'mirrors'>) {
  const { text } = useSpeech()
  const [first] = mirrors
  return (
    <Button
      size="compact-xs"
      variant="default"
      renderRoot={(props) =>
        mirrors.length === 1 ? (
          <Link
            {...props}
            to="/o/$organization/repository/$"
            params={repositoryPlace(first.repository)}
            search={{ tab: 'mirror' }}
          />
        ) : (
          <Link {...props} to="/o/$organization/mirrors" params={{ organization }} />
        )
      }
    >
      {text.mirrors.openMirror}
    </Button>
  )
}

function Other({ organization, trouble }: { readonly organization: string; readonly trouble: Trouble }) {
  const { text } = useSpeech()
  const { kind, state, name, repository, reason, since, remedy } = trouble
  const isPaused = state === 'paused'
  const isGivenUp = kind === 'subscription' || reason !== null
  return (
    <Line
      name={
        <>
          {text.home.kinds[kind]} {name}{' '}
          {repository === null ? null : <RepositoryLink name={repository} tab="webhooks" isShort />}
        </>
      }
      since={since}
      tone={isPaused ? 'quiet' : isGivenUp ? 'broken' : 'held'}
      icon={isPaused ? PauseIcon : AlertIcon}
      word={state !== null ? text.states[state] : isGivenUp ? text.home.givenUp : text.home.failing}
    >
      {isPaused ? text.home.subscriptionPaused : isGivenUp ? text.home.endedBy[kind] : text.home.unanswered}
      {reason === null ? null : <ServerWords>{reason}</ServerWords>}
      <Group gap="xs" mt={4}>
        <OpenOther organization={organization} trouble={trouble} />
      </Group>
      <Remedy line={remedy} />
    </Line>
  )
}

/** To where it is ended: the subscription, or the webhook. */
function OpenOther({ organization, trouble }: { readonly organization: string; readonly trouble: Trouble }) {
  const { text } = useSpeech()
  const { kind, id, name, repository } = trouble
  return (
    <Button
      size="compact-xs"
      variant="default"
      renderRoot={(props) => {
        if (kind === 'subscription') {
          const search = { section: 'subscriptions' as const, ...(id === null ? {} : { of: id }) }
          return <Link {...props} to="/o/$organization/settings" params={{ organization }} search={search} />
        }
        if (repository === null) {
          return <Link {...props} to="/o/$organization/webhooks" params={{ organization }} search={{ webhook: name }} />
        }
        const search = { tab: 'webhooks' as const, webhook: name }
        return (
          <Link {...props} to="/o/$organization/repository/$" params={repositoryPlace(repository)} search={search} />
        )
      }}
    >
      {text.home.open[kind]}
    </Button>
  )
}

function Line(o: {
  readonly name: ReactNode
  readonly since: string | undefined
  readonly tone: Tone
  readonly icon: Icon
  readonly word: string
  /** Why, and what ends it. */
  readonly children: ReactNode
}) {
  return (
    <Group justify="space-between" align="flex-start" gap="sm">
      <Stack gap={2} flex="1 1 260px" miw={0}>
        <div>{o.name}</div>
        <Text size="sm" c="dimmed" component="div" style={{ overflowWrap: 'anywhere' }}>
          {o.children}
        </Text>
      </Stack>
      <Group gap="sm" wrap="nowrap">
        {o.since === undefined ? null : (
          <Text size="sm" c="dimmed" style={{ whiteSpace: 'nowrap' }}>
            <Time at={o.since} />
          </Text>
        )}
        <Status tone={o.tone} icon={o.icon}>
          {o.word}
        </Status>
      </Group>
    </Group>
  )
}

function Remedy({ line }: { readonly line: string | null }) {
  const { text } = useSpeech()
  if (line === null) return null
  return (
    <Text size="xs" c="dimmed">
      {text.home.remedyLine} <Code>{`kagami ${line}`}</Code>
    </Text>
  )
}

function MirrorsLink(o: { readonly organization: string; readonly children: ReactNode }) {
  return (
    <Anchor
      size="sm"
      renderRoot={(props) => (
        <Link {...props} to="/o/$organization/mirrors" params={{ organization: o.organization }} />
      )}
    >
      {o.children}
    </Anchor>
  )
}
