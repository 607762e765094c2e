	.section .rodata
	.globl gs_flame_js
	.globl gs_flame_js_end
gs_flame_js:
	.incbin GS_FLAME_JS
gs_flame_js_end:
	.byte 0
	.section .note.GNU-stack,"",@progbits
