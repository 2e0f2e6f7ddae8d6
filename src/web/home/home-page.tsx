/** The organization at a glance: how its mirrors are, and what wants somebody's hand. */
import { Anchor, Card, Group, SimpleGrid, Stack, Text } from '@mantine/core'
import { Link, useParams } from '@tanstack/react-router'
import type { Mirror, MirrorState } from '../../api/mirrors.ts'
import { useMirrors } from '../api/mirrors.ts'
import { useOrganizations } from '../api/organizations.ts'
import { bytes, number } from '../format/sizes.ts'
import { Failure, Page, Rows, Time } from '../shell/parts.tsx'
import { RepositoryLink } from '../shell/repository-link.tsx'
import { Section } from '../shell/section.tsx'
import { State } from '../shell/status.tsx'
import { useSpeech } from '../text/language.tsx'

const GROUPS = {
  inStep: ['active'],
  working: ['initial', 'syncing'],
  wrong: ['degraded'],
  resting: ['paused', 'stopped'],
} as const satisfies Record<string, readonly MirrorState[]>

const SHOWN = 8

export function HomePage() {
  const { text, language } = useSpeech()
  const { organization } = useParams({ from: '/within/o/$organization' })
  const mirrors = useMirrors(organization)
  const own = useOrganizations().data?.find(({ name }) => name === organization)
  const all = mirrors.data?.items
  if (mirrors.isError) return <Failure error={mirrors.error} retry={() => void mirrors.refetch()} />
  if (all === undefined) return <Rows />
  const wrong = all.filter(
    ({ state, freshness }) => ['degraded', 'paused'].includes(state) || freshness.missedSince !== null,
  )
  const oldest = all
    .filter(({ state }) => state !== 'stopped')
    .toSorted((a, b) => ((a.freshness.checkedAt ?? '') < (b.freshness.checkedAt ?? '') ? -1 : 1))
  return (
    <Page title={text.home.title(organization)} lead={text.home.lead}>
      <SimpleGrid cols={{ base: 2, sm: 3, lg: 6 }}>
        {Object.entries(GROUPS).map(([name, states]) => (
          <Figure
            key={name}
            label={text.home[name as keyof typeof GROUPS]}
            value={number(all.filter(({ state }) => (states as readonly string[]).includes(state)).length, language)}
          />
        ))}
        <Figure label={text.home.repositories} value={number(own?.repositories ?? 0, language)} />
        <Figure
          label={text.home.stored}
          value={own?.sizeBytes === null || own === undefined ? '–' : bytes(own.sizeBytes, language)}
        />
      </SimpleGrid>
      {all.length === 0 ? (
        <Text>
          {text.home.first}{' '}
          <Anchor renderRoot={(props) => <Link {...props} to="/o/$organization/catalog" params={{ organization }} />}>
            {text.home.firstStep}
          </Anchor>
        </Text>
      ) : (
        <>
          <List title={text.home.wrongTitle} mirrors={wrong} empty={text.home.allWell} withReason />
          <List title={text.home.oldest} mirrors={oldest} empty="" />
        </>
      )}
    </Page>
  )
}

function Figure({ label, value }: { readonly label: string; readonly value: string }) {
  return (
    <Card withBorder p="sm">
      <Text size="xl" fw={700}>
        {value}
      </Text>
      <Text size="sm" c="dimmed">
        {label}
      </Text>
    </Card>
  )
}

function List(o: {
  readonly title: string
  readonly mirrors: readonly Mirror[]
  readonly empty: string
  readonly withReason?: boolean
}) {
  const { text } = useSpeech()
  return (
    <Section title={o.title}>
      {o.mirrors.length === 0 ? <Text c="dimmed">{o.empty}</Text> : null}
      <Stack gap={6}>
        {o.mirrors.slice(0, SHOWN).map((one) => (
          <Group key={one.id} justify="space-between" wrap="nowrap">
            <div>
              <RepositoryLink name={one.repository} tab="mirror" isShort />
              {o.withReason && one.reason !== null ? (
                <Text size="sm" c="dimmed" lineClamp={2}>
                  {one.reason}
                </Text>
              ) : null}
            </div>
            <Group gap="sm" wrap="nowrap">
              <State state={one.state} />
              <Text size="sm" c="dimmed" style={{ whiteSpace: 'nowrap' }}>
                {one.freshness.checkedAt === null ? text.common.never : <Time at={one.freshness.checkedAt} />}
              </Text>
            </Group>
          </Group>
        ))}
      </Stack>
    </Section>
  )
}
