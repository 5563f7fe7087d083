import { Idempotent, AnyKey, Caller, PageQuery, Scoped } from '@app/http';
import type { Caller as CallerValue } from '@app/kernel';
import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import {
  ApiBearerAuth,
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
  toCreatedResponse,
  toGrant,
  toResponse,
} from './api-keys.dto.js';

@ApiTags('keys')
@ApiBearerAuth()
@Controller('v1/keys')
export class ApiKeysController {
  constructor(private readonly keys: ApiKeysService) {}

  @Post()
  @Scoped('keys:write')
  @Idempotent()
  @ApiOperation({ summary: 'Create a key; its secret is shown only here' })
  @ApiCreatedResponse({ type: CreatedKeyResponse })
  async create(@Body() request: CreateKeyRequest, @Caller() caller: CallerValue): Promise<CreatedKeyResponse> {
    const { key, secret } = await this.keys.create(toGrant(request), caller);
    return toCreatedResponse(key, secret);
  }

  @Get()
  @Scoped('keys:read')
  @ApiOperation({ summary: 'List keys, newest first' })
  @ApiOkResponse({ type: KeyPage })
  async list(@Query() query: PageQuery): Promise<KeyPage> {
    const page = await this.keys.list(query);
    return { ...page, data: page.data.map(toResponse) };
  }

  @Get('self')
  @AnyKey()
  @ApiOperation({ summary: 'The key that this request is made with' })
  @ApiOkResponse({ type: KeyResponse })
  async self(@Caller() caller: CallerValue): Promise<KeyResponse> {
    return toResponse(await this.keys.self(caller));
  }

  @Get(':id')
  @Scoped('keys:read')
  @ApiOperation({ summary: 'Show a key, without its secret' })
  @ApiOkResponse({ type: KeyResponse })
  async get(@Param('id') id: string): Promise<KeyResponse> {
    return toResponse(await this.keys.get(id));
  }

  @Delete(':id')
  @Scoped('keys:write')
  @HttpCode(204)
  @ApiOperation({ summary: 'Revoke a key' })
  @ApiNoContentResponse()
  async revoke(@Param('id') id: string): Promise<void> {
    await this.keys.revoke(id);
  }
}
