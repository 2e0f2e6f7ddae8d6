import type { Text } from '../en/index.ts'

export const signIn: Text['signIn'] = {
  title: 'Kagami にサインイン',
  lead: '組織がビルドに使うイメージの、組織自身のミラーです。',
  username: 'ユーザー名またはメールアドレス',
  password: 'パスワード',
  code: '認証アプリのコード、またはリカバリーコード',
  submit: 'サインイン',
  wrong: 'ユーザー名またはパスワードが正しくありません。',
  wrongCode: 'コードが正しくないか、すでに使われています。',
}
