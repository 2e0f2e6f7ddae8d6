import type { Text } from '../en/index.ts'

export const invitation: Text['invitation'] = {
  title: (organization) => `${organization} に参加`,
  role: { owner: 'オーナーとして', editor: '編集者として', member: 'メンバーとして' },
  teams: (teams) => `チーム: ${teams}`,
  broken: 'このリンクは使えません',
  invalid: 'この招待は無効です。誤り、使用済み、取り消し、期限切れのいずれかです。新しい招待を依頼してください。',
  accept: (username) => `${username} として参加`,
  orNew: 'または新しいアカウントで',
  username: 'ユーザー名',
  displayName: 'お名前',
  password: 'パスワード',
  passwordHelp: '8 文字以上。',
  register: 'アカウントを作成して参加',
  haveAccount: 'すでにアカウントがある: 先にサインイン',
}
