/** One image, by tag or digest: what it is made of, what it holds, and what hangs on it. Which part is shown stands in the address. */
import { Alert, Anchor, Group, SegmentedControl, Select, Stack, Tabs, Text } from '@mantine/core'
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router'
import type { Image } from '../../api/images.ts'
import { type ImagePlace, useImage } from '../api/images.ts'
import { ApiError } from '../api/request.ts'
import { bytes, number } from '../format/sizes.ts'
import { Absent } from '../shell/absent.tsx'
import { Facts } from '../shell/facts.tsx'
import { Command, Digest, Failure, Page, Rows } from '../shell/parts.tsx'
import { repositoryPlace } from '../shell/repository-link.tsx'
import { AttestedWords } from '../tags/attested-words.tsx'
import { useSpeech } from '../text/language.tsx'
import { AttestationsSection } from './attestations-section.tsx'
import { CompareSection } from './compare-section.tsx'
import { ConfigSection } from './config-section.tsx'
import { HistorySection } from './history-section.tsx'
import { type ImageSearch, joinImage, parseImageSearch, SECTIONS, type Section, splitImage } from './image-search.ts'
import { PackagesSection } from './packages-section.tsx'
import { VulnerabilitiesSection } from './vulnerabilities-section.tsx'

const ROUTE = '/within/o/$organization/image/$'
/** More platforms than this are chosen from a list. */
const MAX_SIDE_BY_SIDE = 3

export function ImagePage() {
  const { text } = useSpeech()
  const { organization, _splat = '' } = useParams({ from: ROUTE })
  const search = useSearch({ from: ROUTE })
  const { name, reference } = splitImage(_splat)
  const place: ImagePlace = { repository: `${organization}/${name}`, reference }
  const image = useImage(place, search.platform)
  if (image.isError) {
    const isAbsent = image.error instanceof ApiError && [403, 404].includes(image.error.status)
    return isAbsent ? (
      <Absent
        title={text.images.absent}
        way={
          <Anchor
            renderRoot={(props) => (
              <Link {...props} to="/o/$organization/repository/$" params={repositoryPlace(place.repository)} />
            )}
          >
            {place.repository}
          </Anchor>
        }
      >
        {text.images.absentLead(joinImage(place.repository, reference))}
      </Absent>
    ) : (
      <Failure error={image.error} retry={() => void image.refetch()} />
    )
  }
  if (image.data === undefined) return <Rows />
  return <Shown place={place} image={image.data} search={search} />
}

function openOf(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0)
}

function pullLine({ repository }: ImagePlace, image: Image): string {
  const where = `${location.host}/${repository}`
  // Helm takes a chart by its version, which is the tag with a sign that tags may not have.
  return image.kind === 'chart' && image.chart !== null
    ? `helm pull oci://${where} --version ${image.chart.version}`
    : `docker pull ${where}@${image.digest}`
}

interface ShownProps {
  readonly place: ImagePlace
  readonly image: Image
  readonly search: ImageSearch
}

function Shown({ place, image, search }: ShownProps) {
  const { text, language } = useSpeech()
  const words = text.images
  const navigate = useNavigate({ from: '/o/$organization/image/$' })
  const { section = 'config' } = search
  const { selected } = image
  const contents = selected?.contents ?? image.contents
  const show = (change: ImageSearch) =>
    void navigate({ search: (before) => parseImageSearch({ ...before, ...change }) })
  const sections = SECTIONS.filter((one) => one !== 'history' || image.tag !== null)
  const counts: Partial<Record<Section, number>> = {
    ...(contents.hasSbom ? { packages: contents.packages } : {}),
    ...(contents.hasReport ? { vulnerabilities: openOf(contents.vulnerabilities) } : {}),
  }
  const known = { place, image, contents, search, show }
  return (
    <Page
      name={joinImage(place.repository, place.reference)}
      title={
        <Text span inherit style={{ overflowWrap: 'anywhere' }}>
          <Link
            to="/o/$organization/repository/$"
            params={repositoryPlace(place.repository)}
            className="name"
            style={{ fontWeight: 'inherit' }}
          >
            {place.repository}
          </Link>
          {image.tag === null ? '@' : `:${image.tag}`}
          {image.tag === null ? <Digest digest={image.digest} /> : null}
        </Text>
      }
      lead={words.lead}
    >
      <Facts
        cols={{ base: 2, sm: 4 }}
        facts={[
          [words.digest, <Digest key="digest" digest={image.digest} />],
          [words.kind, words.kinds[image.kind]],
          [words.size, bytes(image.sizeBytes, language)],
          [
            words.tags,
            image.tags.slice(0, 4).join(', ') + (image.tagCount > 4 ? ` ${text.tags.more(image.tagCount - 4)}` : '') ||
              words.none,
          ],
        ]}
      />
      {image.attested.length === 0 ? null : <AttestedWords kinds={image.attested} />}
      <Command line={pullLine(place, image)} />
      <Platforms image={image} show={show} />
      {contents.state === 'reading' ? (
        <Alert color="blue" variant="light">
          {words.reading}
        </Alert>
      ) : null}
      <Tabs
        value={section}
        onChange={(chosen) => show({ section: (chosen ?? 'config') as Section })}
        keepMounted={false}
      >
        <Tabs.List mb="md">
          {sections.map((one) => (
            <Tabs.Tab key={one} value={one}>
              {words.sections[one]}
              {counts[one] === undefined ? '' : ` (${number(counts[one], language)})`}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value="config">
          <ConfigSection {...known} />
        </Tabs.Panel>
        <Tabs.Panel value="packages">
          <PackagesSection {...known} />
        </Tabs.Panel>
        <Tabs.Panel value="vulnerabilities">
          <VulnerabilitiesSection {...known} />
        </Tabs.Panel>
        <Tabs.Panel value="attestations">
          <AttestationsSection {...known} />
        </Tabs.Panel>
        <Tabs.Panel value="compare">
          <CompareSection {...known} />
        </Tabs.Panel>
        <Tabs.Panel value="history">
          {image.tag === null ? null : <HistorySection repository={place.repository} tag={image.tag} />}
        </Tabs.Panel>
      </Tabs>
    </Page>
  )
}

function Platforms({ image, show }: { readonly image: Image; readonly show: (change: ImageSearch) => void }) {
  const { text } = useSpeech()
  const here = image.platforms.filter(({ available }) => available).map(({ platform }) => platform)
  const { selected } = image
  if (image.kind !== 'index' || here.length === 0 || selected === null) return null
  const value = selected.platform
  return (
    <Stack gap={4}>
      <Group gap="sm">
        {here.length <= MAX_SIDE_BY_SIDE ? (
          <SegmentedControl
            aria-label={text.images.platform}
            data={here}
            value={value}
            onChange={(platform) => show({ platform })}
          />
        ) : (
          <Select
            aria-label={text.images.platform}
            data={[...new Set(here)]}
            value={value}
            onChange={(platform) => show(platform === null ? {} : { platform })}
            allowDeselect={false}
          />
        )}
        <Digest digest={selected.digest} />
      </Group>
      {here.length < image.platforms.length ? (
        <Text size="sm" c="dimmed">
          {text.images.notHere(
            image.platforms
              .filter(({ available }) => !available)
              .map(({ platform }) => platform)
              .join(', '),
          )}
        </Text>
      ) : null}
    </Stack>
  )
}
