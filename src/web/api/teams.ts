import { useQuery } from '@tanstack/react-query'
import type { Team, TeamGrant, TeamMember } from '../../api/teams.ts'
import { organizationPath } from './paths.ts'
import { request, requestAll } from './request.ts'

export function teamPath(organization: string, team: string, rest = ''): string {
  return organizationPath(organization, `/teams/${encodeURIComponent(team)}${rest}`)
}

/** Those that one sees: plain members see their own. */
export function useTeams(organization: string) {
  return useQuery({
    queryKey: ['teams', organization],
    queryFn: async ({ signal }) =>
      (await requestAll<Team>(organizationPath(organization, '/teams'), 'teams', { signal })).items,
  })
}

export function useTeam(organization: string, team: string) {
  return useQuery({
    queryKey: ['teams', organization, team],
    queryFn: async ({ signal }) =>
      (await request<{ team: Team }>('GET', teamPath(organization, team), { signal })).team,
  })
}

export function useTeamMembers(organization: string, team: string) {
  return useQuery({
    queryKey: ['teams', organization, team, 'members'],
    queryFn: async ({ signal }) =>
      (await requestAll<TeamMember>(teamPath(organization, team, '/members'), 'members', { signal })).items,
  })
}

export function useTeamGrants(organization: string, team: string) {
  return useQuery({
    queryKey: ['teams', organization, team, 'grants'],
    queryFn: async ({ signal }) =>
      (await requestAll<TeamGrant>(teamPath(organization, team, '/grants'), 'grants', { signal })).items,
  })
}
