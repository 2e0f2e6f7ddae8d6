/** The organization at a glance: how its mirrors are, what moved, what wants somebody's hand. */
import { Anchor, Card, Grid, SimpleGrid, Skeleton, Text } from '@mantine/core'
import { Link, useParams } from '@tanstack/react-router'
import { lazy, type ReactNode, Suspense } from 'react'
import type { MirrorGlance } from '../../api/glance.ts'
import type { UsageAnswer } from '../../api/usage.ts'
import { useFreshness, useUsage } from '../api/home.ts'
import { useDisplayName, useOrganizations } from '../api/organizations.ts'
import { bytes, number } from '../format/sizes.ts'
import { Failure, Page, Rows } from '../shell/parts.tsx'
import { Section } from '../shell/section.tsx'
import { useSpeech } from '../text/language.tsx'
import { Cells, Legend } from './cells.tsx'
import { Largest } from './largest.tsx'
import { Moved } from './moved.tsx'
import { NextSteps } from './next-steps.tsx'
import { Troubles } from './troubles.tsx'
import { useRested } from './use-rested.ts'

/** Heavier than the rest of the page: nobody waits for it. */
const UsageCharts = lazy(async () => ({ default: (await import('./usage-charts.tsx')).UsageCharts }))

/** The board shows all of them. */
const SHOWN_CELLS = 240

/** Its head is painted before anything of it is known. */
export function HomePage() {
  const { text } = useSpeech()
  const { organization } = useParams({ from: '/within/o/$organization' })
  const freshness = useFreshness(organization)
  const usage = useUsage(organization)
  return (
    <Page title={text.home.title(useDisplayName(organization))} lead={text.home.lead}>
      {freshness.isError ? (
        <Failure error={freshness.error} retry={() => void freshness.refetch()} />
      ) : freshness.data === undefined ? (
        <Rows />
      ) : (
        <Glance organization={organization} mirrors={freshness.data} usage={usage} />
      )}
    </Page>
  )
}

interface GlanceProps {
  readonly organization: string
  readonly mirrors: readonly MirrorGlance[]
  readonly usage: ReturnType<typeof useUsage>
}

function Glance({ organization, mirrors, usage }: GlanceProps) {
  const { text, language } = useSpeech()
  const own = useOrganizations().data?.find(({ name }) => name === organization)
  const pulls = usage.data?.periods.reduce((sum, one) => sum + one.pulls, 0)
  const isEmpty = mirrors.length === 0 && (own?.repositories ?? 0) === 0
  const figures: readonly (readonly [label: string, value: string])[] = [
    [text.home.mirrors, number(mirrors.length, language)],
    [text.home.repositories, number(own?.repositories ?? 0, language)],
    ...(own?.sizeBytes == null ? [] : [[text.home.stored, bytes(own.sizeBytes, language)] as const]),
    [text.home.pulls, pulls === undefined ? '…' : number(pulls, language)],
  ]
  return (
    <>
      {isEmpty ? (
        <NextSteps organization={organization} />
      ) : (
        <>
          <SimpleGrid cols={{ base: 2, sm: figures.length }}>
            {figures.map(([label, value]) => (
              <Figure key={label} label={label} value={value} />
            ))}
          </SimpleGrid>
          {mirrors.length === 0 ? (
            <NextSteps organization={organization} />
          ) : (
            <Section
              title={text.home.boardTitle}
              lead={text.home.boardLead}
              action={
                <Anchor
                  size="sm"
                  renderRoot={(props) => <Link {...props} to="/o/$organization/board" params={{ organization }} />}
                >
                  {text.home.openBoard}
                </Anchor>
              }
            >
              <Cells mirrors={mirrors} most={SHOWN_CELLS} />
              <Legend mirrors={mirrors} />
            </Section>
          )}
          <Grid>
            <Grid.Col span={{ base: 12, lg: 6 }}>
              <Troubles organization={organization} mirrors={mirrors} />
            </Grid.Col>
            <Grid.Col span={{ base: 12, lg: 6 }}>
              <Moved organization={organization} />
            </Grid.Col>
            <Grid.Col span={12}>
              <Section title={text.home.usageTitle} lead={text.home.usageLead}>
                {usage.isError ? (
                  <Failure error={usage.error} retry={() => void usage.refetch()} />
                ) : (
                  <Charts usage={usage.data} />
                )}
              </Section>
            </Grid.Col>
            <Grid.Col span={12}>
              <Largest organization={organization} />
            </Grid.Col>
          </Grid>
        </>
      )}
    </>
  )
}

function Charts({ usage }: { readonly usage: UsageAnswer | undefined }): ReactNode {
  const isRested = useRested()
  const waiting = <Skeleton height={180} radius="sm" aria-hidden="true" />
  if (usage === undefined || !isRested) return waiting
  return (
    <Suspense fallback={waiting}>
      <UsageCharts usage={usage} />
    </Suspense>
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
