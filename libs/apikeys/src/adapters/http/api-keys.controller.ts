import { Idempotent, AnyKey, Caller, PageQuery, Scoped } from '@app/http';
import type { Caller as CallerValue } from '@app/kernel';
import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiBody,
  ApiConsumes,
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiOkResponse,
  ApiOperation,
  ApiTags,
} from '@nestjs/swagger';
import { ApiKeysService } from '../../application/api-keys.service.js';
import {
  CreateKeyRequest,
  CreatedKeyResponse,
  KeyPage,
  KeyResponse,
  OwnKeyResponse,
  PatchKeyRequest,
  RotateKeyRequest,
  toCreatedResponse,
  toGrant,
  toPatch,
  toResponse,
} from './api-keys.dto.js';

const CREATE = {
  runner: {
    summary: 'Runs commands in some projects and reads their output',
    value: {
      name: 'ci',
      scopes: ['projects:read', 'commands:execute', 'commands:read'],
      projects: ['hello', 'team-a-*'],
    },
  },
};
const CHANGE = { projects: { summary: 'Other projects', value: { projects: ['hello'] } } };
const ROTATE = { hour: { summary: 'The old key works for one more hour', value: { overlapSeconds: 3600 } } };

@ApiTags('keys')
@ApiBearerAuth()
@Controller('v1/keys')
export class ApiKeysController {
  constructor(private readonly keys: ApiKeysService) {}

  @Post()
  @Scoped('keys:write')
  @Idempotent()
  @ApiOperation({ summary: 'Create a key; its secret is shown only here' })
  @ApiBody({ type: CreateKeyRequest, examples: CREATE })
  @ApiCreatedResponse({ type: CreatedKeyResponse })
  async create(@Body() request: CreateKeyRequest, @Caller() caller: CallerValue): Promise<CreatedKeyResponse> {
    return toCreatedResponse(await this.keys.create(toGrant(request), caller));
  }

  @Get()
  @Scoped('keys:read')
  @ApiOperation({
    summary: 'List keys, newest first; a key limited to projects sees only keys limited to the same projects',
  })
  @ApiOkResponse({ type: KeyPage })
  async list(@Query() query: PageQuery, @Caller() caller: CallerValue): Promise<KeyPage> {
    const page = await this.keys.list(query, caller);
    return { ...page, data: page.data.map(toResponse) };
  }

  @Get('self')
  @AnyKey()
  @ApiOperation({ summary: 'Show the key of this request, with the secret that signs callbacks' })
  @ApiOkResponse({ type: OwnKeyResponse })
  async self(@Caller() caller: CallerValue): Promise<OwnKeyResponse> {
    const { key, callbackSecret } = await this.keys.self(caller);
    return Object.assign(toResponse(key), { callbackSecret });
  }

  @Get(':id')
  @Scoped('keys:read')
  @ApiOperation({ summary: 'Show a key, without its secret' })
  @ApiOkResponse({ type: KeyResponse })
  async get(@Param('id') id: string, @Caller() caller: CallerValue): Promise<KeyResponse> {
    return toResponse(await this.keys.get(id, caller));
  }

  @Patch(':id')
  @Scoped('keys:write')
  @ApiConsumes('application/merge-patch+json', 'application/json')
  @ApiBody({ type: PatchKeyRequest, examples: CHANGE })
  @ApiOperation({
    summary: 'Change a key, by a JSON merge patch',
    description: 'The key must not have more rights than the key of this request, before and after the change.',
  })
  @ApiOkResponse({ type: KeyResponse })
  async patch(
    @Param('id') id: string,
    @Body() request: PatchKeyRequest,
    @Caller() caller: CallerValue,
  ): Promise<KeyResponse> {
    return toResponse(await this.keys.patch(id, toPatch(request), caller));
  }

  @Post(':id/rotate')
  @Scoped('keys:write')
  @Idempotent()
  @ApiOperation({
    summary: 'Issue a successor with the same name and rights; its secret is shown only here',
    description:
      'The old key keeps working for `overlapSeconds`, unless it expires earlier. The successor expires when the old key would have.',
  })
  @ApiBody({ type: RotateKeyRequest, examples: ROTATE })
  @ApiCreatedResponse({ type: CreatedKeyResponse, description: 'The successor' })
  async rotate(
    @Param('id') id: string,
    @Body() { overlapSeconds }: RotateKeyRequest,
    @Caller() caller: CallerValue,
  ): Promise<CreatedKeyResponse> {
    return toCreatedResponse(await this.keys.rotate(id, overlapSeconds, caller));
  }

  @Delete(':id')
  @Scoped('keys:write')
  @HttpCode(204)
  @ApiOperation({
    summary: 'Revoke a key',
    description: 'The key must have no more rights than the key of this request, or be that key.',
  })
  @ApiNoContentResponse()
  async revoke(@Param('id') id: string, @Caller() caller: CallerValue): Promise<void> {
    await this.keys.revoke(id, caller);
  }
}
